import lzma
import subprocess
from pathlib import Path

import pytest

from tests.unit.node.shells import DRACUT, Place

KERNEL = "6.1.0-1-arm64"
ESSENTIAL = ("dwc2", "lan78xx", "microchip", "nfs", "nfsv3", "overlay", "loop", "squashfs")


class Kernel:
    """Stand-ins for the modules of a kernel and for kmod's programs."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.tree = place.path / "lib" / "modules" / KERNEL
        self.answers = place.path / "answers"
        self.answers.mkdir()
        self.output = place.path / "initramfs"
        # modprobe ... --show-depends NAME: the name is the last word.
        place.program("modprobe", f'for name; do :; done; cat "{self.answers}/$name" 2> /dev/null')
        place.program("depmod", f"touch {self.output}/lib/modules/{KERNEL}/modules.{{dep,dep.bin}}")
        for name in ESSENTIAL:
            self.module(name)

    def module(self, name: str, suffix: str = ".ko", needs: tuple[str, ...] = ()) -> None:
        """Add a module; others it needs come before it."""
        path = self.tree / "kernel" / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = f"code of {name}".encode()
        path.write_bytes(lzma.compress(content) if suffix.endswith(".xz") else content)
        lines = [f"insmod {self.tree}/kernel/{need} \n" for need in needs]
        (self.answers / name).write_text("".join(lines) + f"insmod {path} \n")

    def built_in(self, name: str) -> None:
        """Make a module part of the kernel."""
        (self.answers / name).write_text(f"builtin {name}\n")

    def install(self, wanted: str = "") -> subprocess.CompletedProcess[str]:
        """Put the modules into the initramfs."""
        list_file = self.place.path / "wanted"
        list_file.write_text(wanted)
        script = (
            f'. {DRACUT}/module-setup.sh; picluster_install_modules "{self.output}" '
            f'{KERNEL} "{list_file}"'
        )
        return self.place.execute(["bash", "-c", script])

    def installed(self) -> dict[str, str]:
        """Content of the modules in the initramfs, by file name."""
        return {path.name: path.read_text() for path in self.output.rglob("*.ko*")}


@pytest.fixture
def kernel(place: Place) -> Kernel:
    return Kernel(place)


def test_modules_are_in_the_initramfs_and_what_they_need(kernel: Kernel) -> None:
    kernel.module("nfs", needs=("sunrpc.ko",))
    (kernel.tree / "kernel/sunrpc.ko").write_text("code of sunrpc")
    assert kernel.install().returncode == 0
    names = (*ESSENTIAL, "sunrpc")
    assert kernel.installed() == {f"{name}.ko": f"code of {name}" for name in names}


def test_compressed_modules_are_unpacked(kernel: Kernel) -> None:
    kernel.module("overlay", ".ko.xz")
    assert kernel.install().returncode == 0
    assert kernel.installed()["overlay.ko"] == "code of overlay"


def test_only_the_index_busybox_reads_stays(kernel: Kernel, place: Place) -> None:
    base = kernel.output / "lib" / "modules" / KERNEL
    place.program("depmod", f"cd {base} && touch modules.dep modules.alias modules.dep.bin")
    assert kernel.install().returncode == 0
    assert sorted(path.name for path in base.iterdir()) == [
        "kernel",
        "modules.alias",
        "modules.dep",
    ]


@pytest.mark.parametrize("name", ESSENTIAL)
def test_a_kernel_without_an_essential_module_is_refused(kernel: Kernel, name: str) -> None:
    (kernel.answers / name).unlink()
    done = kernel.install()
    assert done.returncode == 1
    assert done.stderr == (
        f"kernel {KERNEL} has no module {name}, and a node cannot boot without it\n"
    )


def test_an_essential_module_may_be_built_in(kernel: Kernel) -> None:
    kernel.built_in("overlay")
    assert kernel.install().returncode == 0
    assert "overlay.ko" not in kernel.installed()


def test_the_image_may_want_more_modules(kernel: Kernel) -> None:
    kernel.module("r8152")
    done = kernel.install("# USB adapters\nr8152   # Realtek\n\nax88179_178a\n")
    assert done.returncode == 0
    assert kernel.installed()["r8152.ko"] == "code of r8152"


def test_the_image_may_call_a_module_essential(kernel: Kernel) -> None:
    done = kernel.install("r8152!\n")
    assert done.returncode == 1
    assert "has no module r8152," in done.stderr


def test_a_module_that_cannot_be_unpacked_is_refused(kernel: Kernel) -> None:
    kernel.module("overlay", ".ko.xz")
    (kernel.tree / "kernel/overlay.ko.xz").write_bytes(b"no xz")
    done = kernel.install()
    assert done.returncode == 1
    assert "is xz in the image?" in done.stderr


def test_a_distributions_own_initramfs_goes_without(place: Place) -> None:
    done = place.execute(["bash", "-c", f". {DRACUT}/module-setup.sh; check"])
    assert done.returncode == 255


def install(place: Place, busybox: Path) -> subprocess.CompletedProcess[str]:
    script = (
        f". {DRACUT}/module-setup.sh; picluster_install_modules() {{ echo modules of $2; }}\n"
        f"picluster_busybox={busybox} initdir={place.root} moddir={DRACUT} kernel={KERNEL}\ninstall"
    )
    return place.execute(["bash", "-c", script])


def test_the_initramfs_has_init_and_a_shell(place: Place) -> None:
    busybox = place.path / "busybox"
    busybox.write_text("#!/bin/sh\n[ $* = --list ] && echo busybox mount sh\n")
    busybox.chmod(0o755)
    done = install(place, busybox)
    assert done.stdout == f"modules of {KERNEL}\n"
    root = place.root
    assert (root / "init").read_bytes() == (DRACUT / "init").read_bytes()
    assert (root / "init").stat().st_mode & 0o111
    assert (root / "bin/busybox").read_bytes() == busybox.read_bytes()
    assert {path.name for path in (root / "bin").iterdir()} == {"busybox", "mount", "sh"}
    assert (root / "bin/sh").resolve() == root / "bin/busybox"
    assert (root / "sbin/modprobe").readlink() == Path("/bin/busybox")
    library = {path.name for path in (root / "lib/picluster").iterdir()}
    assert library == {
        "identity.sh",
        "network.sh",
        "report.sh",
        "root.sh",
        "udhcpc-script",
        "words.sh",
    }


def test_an_image_without_busybox_is_refused(place: Place) -> None:
    done = install(place, place.path / "absent")
    assert done.returncode == 1
    assert done.stderr == f"no {place.path}/absent in the image\n"

"""The kernel's packages of the stand-in: Debian's kernel, laid out and split as UEK 8 is.

Sources of what is where: Oracle's ``uek-rpm/ol10/kernel-uek.spec`` and ``modules.yaml.S``. All is
below ``/usr/lib/modules``; what an administrator finds in ``/boot`` would be written there by
``kernel-install``. The USB controller of the boards is in a package of its own.
"""

from __future__ import annotations

import lzma
import shutil
from typing import TYPE_CHECKING

from picluster.errors import os_errors, refusal
from twin.net import command
from twin.rpm.package import Package, below

if TYPE_CHECKING:
    from pathlib import Path

#: Debian's package.
DEBIAN = "linux-image-arm64"
_CORE = (
    "af_packet autofs4 cdc_ether configfs ipv6 lockd loop nfs nfsv3 overlay squashfs sunrpc "
    "usbnet virtio_blk virtio_mmio virtio_net virtio_pci virtio-rng"
)
_MODULES = "bcm2835-rng bcm2835_wdt lan78xx microchip smsc smsc95xx"
_USB = "dwc2 phy-generic"


def packages(tree: Path) -> list[Package]:
    """Lay out the kernel in the tree of unpacked Debian packages, and give its packages."""
    (image,) = (tree / "boot").glob("vmlinuz-*")
    version = image.name.removeprefix("vmlinuz-")
    home = f"usr/lib/modules/{version}"
    with os_errors("lay out the kernel", tree / home):
        shutil.move(image, tree / home / "vmlinuz")
        shutil.copytree(tree / f"usr/lib/linux-image-{version}", tree / home / "dtb")
        for name in ("config", "System.map"):
            shutil.move(tree / f"boot/{name}-{version}", tree / home / name)
        firmware = tree / "usr/lib/firmware"
        firmware.mkdir(exist_ok=True)
        (firmware / "stand-in.bin").write_bytes(bytes(1 << 20))
    known = _dependencies(tree, version)
    core = _compressed(tree, home, known, _CORE)
    usb = _compressed(tree, home, known, _USB) - core
    modules = _compressed(tree, home, known, _MODULES) - core - usb
    held = [f"{home}/{name}" for name in ("vmlinuz", "config", "System.map")]
    built_in = [f"{home}/{path.name}" for path in (tree / home).glob("modules.builtin*")]
    order = f"{home}/modules.order"
    depmod = {"posttrans": f"depmod -a {version}\n"}
    return [
        Package(
            "kernel-uek-core",
            [home, *held, *built_in, *below(tree, f"{home}/dtb")],
            ["systemd", "systemd-udev", "dracut", "kernel-uek-modules-core"],
            ["kernel-uek"],
            [f"boot/vmlinuz-{version}", f"boot/dtb-{version}", f"boot/initramfs-{version}.img"],
            {"posttrans": f"kernel-install add {version} /lib/modules/{version}/vmlinuz\n"},
        ),
        Package("kernel-uek-modules-core", [*sorted(core), order], ["kmod"], scriptlets=depmod),
        Package(
            "kernel-uek-modules",
            sorted(modules),
            ["kernel-uek-modules-core", "linux-firmware"],
            scriptlets=depmod,
        ),
        Package("kernel-uek-modules-usb", sorted(usb), ["kernel-uek-modules"], scriptlets=depmod),
        Package("linux-firmware", ["usr/lib/firmware/stand-in.bin"], ["filesystem"]),
    ]


def _dependencies(tree: Path, version: str) -> dict[str, list[str]]:
    """Give for each module by name its file and those it needs, relative to its home."""
    command(["depmod", "--basedir", str(tree), version], timeout_s=300)
    index = (tree / f"usr/lib/modules/{version}/modules.dep").read_text()
    found = {}
    for line in index.splitlines():
        file, _, needed = line.partition(":")
        found[_name(file)] = [file, *needed.split()]
    return found


def _name(file: str) -> str:
    return file.rpartition("/")[2].partition(".")[0].replace("-", "_")


def _compressed(tree: Path, home: str, known: dict[str, list[str]], names: str) -> set[str]:
    """Compress modules and those they need, as UEK does; gives their new paths in the tree."""
    built_in = {_name(line) for line in (tree / home / "modules.builtin").read_text().split()}
    found = set()
    for name in (item.replace("-", "_") for item in names.split()):
        if name not in known and name not in built_in:
            raise refusal(f"Debian's kernel has no module {name}", "correct twin/rpm/kernel.py")
        for file in known.get(name, ()):
            plain = tree / home / file
            packed = plain.with_name(f"{plain.name}.xz")
            if not packed.exists():
                packed.write_bytes(
                    lzma.compress(plain.read_bytes(), check=lzma.CHECK_CRC32, preset=1)
                )
            found.add(f"{home}/{file}.xz")
    return found

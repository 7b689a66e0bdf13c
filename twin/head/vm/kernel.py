"""The kernel of a head machine, with an initramfs that mounts its disk and does nothing else.

Debian's own initramfs takes a minute to build and, emulated, more seconds to run than the rest of
the kernel.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from picluster.errors import os_errors, refusal
from twin.head import apt, image
from twin.head.places import cache_dir
from twin.head.vm import cpio
from twin.net import command

_PACKAGES = ("busybox-static", "linux-image-cloud-amd64")
#: What the kernel needs to reach its disk; what is built in needs no loading.
_DRIVERS = ("virtio_pci", "virtio_blk", "ext4")
_INIT = """#!/bin/busybox sh
set -e
for module in /modules/*; do /bin/busybox insmod "$module"; done
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t ext4 /dev/vda /disk
/bin/busybox umount /dev
exec /bin/busybox switch_root /disk /sbin/init
"""
_TIMEOUT_S = 900


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel and what belongs to it, in a folder of the cache.

    Attributes:
        folder: holds the other paths.
    """

    folder: Path

    @property
    def image(self) -> Path:
        """The kernel."""
        return self.folder / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        """Its initramfs, which starts ``/sbin/init`` of ``/dev/vda``."""
        return self.folder / "initramfs"

    @property
    def modules(self) -> Path:
        """What is in ``/usr/lib/modules``."""
        return self.folder / "modules"

    @property
    def lists(self) -> Path:
        """What is in ``/var/lib/apt/lists`` once apt has asked the archives."""
        return self.folder / "lists"


def ensure() -> Kernel:
    """Fetch and prepare the kernel unless the cache has it; two callers at once do it once."""
    inputs = repr((apt.CODENAME, apt.sources(), _PACKAGES, _DRIVERS, _INIT)).encode()
    folder = cache_dir() / f"machine-kernel-{hashlib.sha256(inputs).hexdigest()[:16]}"
    with image.locked(cache_dir() / "machine-kernel"):
        if not folder.exists():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            _make(Kernel(part), part / "root")
            part.rename(folder)
            for old in cache_dir().glob("machine-kernel-*"):
                if old != folder:
                    shutil.rmtree(old)
    return Kernel(folder)


def _make(made: Kernel, root: Path) -> None:
    made.folder.mkdir(parents=True)
    command(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=extract", "--architectures=amd64"]
        + [f"--include={','.join(_PACKAGES)}", "--skip=cleanup/apt/lists", "--format=directory"]
        + [f"--aptopt={line}" for line in apt.options()]
        + [apt.CODENAME, str(root), *apt.sources()],
        timeout_s=_TIMEOUT_S,
    )
    modules = _only(root, "lib/modules/*")
    command(["depmod", "--basedir", str(root), modules.name])
    with os_errors("keep the kernel", made.folder):
        shutil.copyfile(_only(root, "boot/vmlinuz-*"), made.image)
        busybox = _only(root, "bin/busybox").read_bytes()
        made.initramfs.write_bytes(cpio.pack(_initramfs(busybox, modules)))
        modules.parent.rename(made.modules)
        (root / "var/lib/apt/lists").rename(made.lists)
        shutil.rmtree(root)


def _initramfs(busybox: bytes, modules: Path) -> dict[str, tuple[bytes, int]]:
    files = {"bin/busybox": (busybox, 0o755), "init": (_INIT.encode(), 0o755)}
    for number, module in enumerate(_in_order(modules)):
        files[f"modules/{number:02}-{module.name}"] = (module.read_bytes(), 0o644)
    return {**files, "dev/.keep": (b"", 0o644), "disk/.keep": (b"", 0o644)}


def _in_order(modules: Path) -> list[Path]:
    """The drivers that are modules, each behind those it needs."""
    found: dict[str, None] = {}
    needs = dict(
        line.split(":", 1) for line in (modules / "modules.dep").read_text().splitlines() if line
    )
    for driver in _DRIVERS:
        for path, others in needs.items():
            if Path(path).name.partition(".")[0].replace("-", "_") == driver:
                found |= dict.fromkeys([*reversed(others.split()), path])
    return [modules / path for path in found]


def _only(root: Path, pattern: str) -> Path:
    found = sorted(root.glob(pattern))
    if len(found) != 1:
        raise refusal(f"{len(found)} files match {pattern} in {root}", "remove the cache")
    return found[0]

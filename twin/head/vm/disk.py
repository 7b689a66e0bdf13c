"""The disk of a head machine: an ext4 file system, and the kernel beside it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picluster.errors import os_errors
from twin.head import image
from twin.head.vm import kernel
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SIZE = "8G"
_UNITS = "etc/systemd/system"
#: Of what a container must not start, these only take a machine's time.
_STAY_MASKED = frozenset(
    {
        "console-getty.service",
        "getty@tty1.service",
        "systemd-binfmt.service",
        "systemd-networkd-wait-online.service",
    }
)
#: What looks after a machine for months, or for hardware, only slows down one that lives minutes.
_MASKED = (
    image.READ_ONLY_SYS,
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "e2scrub_reap.service",
    "modprobe@configfs.service",
    "modprobe@dm_mod.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@fuse.service",
    "modprobe@loop.service",
    "networking.service",
    "serial-getty@ttyS0.service",
)


@dataclass(frozen=True, slots=True)
class Disk:
    """What QEMU starts: a raw disk image with one ext4 file system, its kernel and initramfs."""

    image: Path
    kernel: Path
    initramfs: Path


def make(folder: Path, files: Mapping[str, tuple[bytes, int]], trees: Mapping[str, Path]) -> Disk:
    """Make a disk of one's own in ``folder``.

    Args:
        folder: on a file system with some GB free.
        files: content and mode by absolute path.
        trees: folders whose content is put below an absolute path, hard links kept.

    Raises:
        PiclusterError: the root file system could not be built or written.
    """
    found = kernel.ensure()
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    command(["tar", "-C", str(root), "-xf", str(image.tar())], timeout_s=300)
    with os_errors("fill the disk", root):
        _free(root)
        for path, (content, mode) in files.items():
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(mode)
    lent = {"/usr/lib/modules": found.modules, "/var/lib/apt/lists": found.lists}
    for path, tree in {**lent, **trees}.items():
        target = root / path.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        command(["cp", "-a", f"{tree}/.", str(target)], timeout_s=300)
    disk = Disk(folder / "disk.img", found.image, found.initramfs)
    command(["truncate", "-s", _SIZE, str(disk.image)])
    options = ["-q", "-F", "-t", "ext4", "-E", "lazy_itable_init=1", "-d", str(root)]
    command(["/sbin/mke2fs", *options, str(disk.image)], timeout_s=300)
    shutil.rmtree(root)
    return disk


def _free(root: Path) -> None:
    """Make the system of a container that of a machine."""
    units = root / _UNITS
    for name in {*image.MASKED, image.READ_ONLY_SYS} - _STAY_MASKED:
        (units / name).unlink()
    for name in _MASKED:
        (units / name).symlink_to("/dev/null")
    wanted = units / "multi-user.target.wants"
    (wanted / "systemd-networkd.service").symlink_to("/lib/systemd/system/systemd-networkd.service")

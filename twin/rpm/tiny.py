"""A repository of a few small packages: a shell, a kernel that boots nothing, a scriptlet each.

An image of it is built in seconds, which is what tests of failures need.
"""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING

from picluster.errors import os_errors
from twin.rpm import debian, package
from twin.rpm.package import LINKS, Package, Source
from twin.rpm.repository import Repository, sign

if TYPE_CHECKING:
    from pathlib import Path

    from twin.rpm.keys import Key

KERNEL = "6.12.0-0.0.0.el9uek.aarch64"
VERSION = "1.0"
RELEASE = "1.el9"
#: Head of a plain arm64 image, with the magic number where the firmware looks for it.
IMAGE = b"MZ\x40\xfa".ljust(56, b"\0") + b"ARM\x64" + bytes(4096)

_DTB = "bcm2837-rpi-3-b-plus.dtb"
_MODULES = f"usr/lib/modules/{KERNEL}"
#: Says which processor ran it: the board's, emulated.
_PROOF = "test -c /dev/null && test -r /proc/self/status && uname -m >/var/lib/scriptlet\n"


def tree(root: Path) -> None:
    """Write the files of the packages under a new directory."""
    debian.unpack(["busybox-static"], root)
    with os_errors("write the tiny packages", root):
        for name in ("sh", "uname", "test", "touch", "false"):
            (root / "usr/bin" / name).symlink_to("busybox")
        for path, data in _contents().items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        (root / "var/lib").mkdir(parents=True, exist_ok=True)


def packages() -> list[Package]:
    """What the repository holds."""
    return [
        Package(
            "filesystem",
            ("var", "var/lib", "etc/passwd", "etc/group"),
            scriptlets={"pretrans": LINKS},
        ),
        Package(
            "oraclelinux-release-el9",
            ("etc/os-release",),
            requires=("filesystem",),
            provides=("oraclelinux-release", "redhat-release", "system-release"),
        ),
        Package(
            "bash",
            tuple(
                f"usr/bin/{name}" for name in ("busybox", "sh", "uname", "test", "touch", "false")
            ),
            requires=("filesystem",),
            provides=("/bin/sh",),
            scriptlets={"post": _PROOF},
        ),
        Package("nano", ("usr/bin/nano", "usr/share/doc/nano/README"), requires=("bash",)),
        Package("orphan", ("usr/share/orphan",), ("bash",), owners={"usr/share/orphan": "nemo"}),
        Package("broken", ("usr/share/broken",), ("bash",), scriptlets={"post": "exit 3"}),
        Package(
            "kernel-uek-core",
            (f"{_MODULES}", f"{_MODULES}/vmlinuz", f"{_MODULES}/dtb/broadcom/{_DTB}"),
            requires=("bash",),
            provides=("kernel-uek",),
            ghosts=(f"boot/vmlinuz-{KERNEL}",),
        ),
        Package("kernel-uek-modules", (f"{_MODULES}/kernel/lan78xx.ko.xz",), ("linux-firmware",)),
        Package("linux-firmware", ("usr/lib/firmware/large.bin",), ("filesystem",)),
    ]


def _contents() -> dict[str, bytes]:
    return {
        "etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
        "etc/group": b"root:x:0:\n",
        "etc/os-release": b'NAME="Oracle Linux stand-in"\nID="ol"\nVERSION_ID="9"\n',
        "usr/bin/nano": b"#!/bin/sh\n",
        "usr/share/doc/nano/README": b"documentation\n",
        "usr/share/broken": b"\n",
        "usr/share/orphan": b"\n",
        "usr/lib/firmware/large.bin": bytes(1 << 16),
        f"{_MODULES}/vmlinuz": IMAGE,
        f"{_MODULES}/dtb/broadcom/{_DTB}": b"\xd0\x0d\xfe\xed",
        f"{_MODULES}/kernel/lan78xx.ko.xz": lzma.compress(b"\x7fELF"),
    }


def make(directory: Path, work: Path, key: Key) -> Repository:
    """Make the repository, its packages and its metadata signed.

    Args:
        directory: of the repository; made.
        work: scratch directory; made.
        key: signs packages and metadata.
    """
    tree(work / "tree")
    source = Source(work / "tree", VERSION, RELEASE)
    sign(package.build(source, packages(), directory, work / "build"), key)
    repository = Repository(directory)
    repository.index(key)
    return repository

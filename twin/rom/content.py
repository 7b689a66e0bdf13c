"""Whether a file that arrived is what a board can start from."""

from __future__ import annotations

from enum import StrEnum

_INITRAMFS_MAGICS = (
    b"\x1f\x8b",  # gzip
    b"\x28\xb5\x2f\xfd",  # zstd
    b"\xfd7zXZ\0",  # xz
    b"\x02\x21\x4c\x18",  # lz4, as the kernel takes it
    b"070701",  # cpio, plain
    b"070702",  # cpio with checksums
)
#: Bytes of a file's beginning the checks need.
HEAD = 64


class Kind(StrEnum):
    """What a file has to be."""

    ANY = "any"
    BOOTCODE = "bootcode"
    START = "start"
    KERNEL = "kernel"
    DEVICE_TREE = "device tree"
    INITRAMFS = "initramfs"


def problem(kind: Kind, head: bytes, size: int, announced: int | None) -> str | None:
    """Say what is wrong with a file, or ``None``.

    Args:
        kind: what it has to be.
        head: its first bytes, at least :data:`HEAD` of a file that has so many.
        size: its length in bytes.
        announced: the length the server gave as ``tsize``, if it did.
    """
    if announced is not None and announced != size:
        return f"{size} bytes came, {announced} were announced"
    if kind is not Kind.ANY and size == 0:
        return "empty file"
    return _CHECKS[kind](head, size) if kind in _CHECKS else None


def _start_problem(head: bytes, _size: int) -> str | None:
    return None if head.startswith(b"\x7fELF") else "no ELF header"


def _kernel_problem(head: bytes, _size: int) -> str | None:
    return None if _is_kernel(head) else "neither gzip nor an arm64 or arm kernel image"


def _initramfs_problem(head: bytes, _size: int) -> str | None:
    return None if head.startswith(_INITRAMFS_MAGICS) else "neither gzip, zstd, xz, lz4 nor cpio"


def _is_kernel(head: bytes) -> bool:
    return (
        head.startswith(b"\x1f\x8b")
        or head[0x38:0x3C] == b"ARM\x64"  # arm64 Image
        or head[0x24:0x28] == b"\x18\x28\x6f\x01"  # arm zImage
    )


def _device_tree_problem(head: bytes, size: int) -> str | None:
    if not head.startswith(b"\xd0\x0d\xfe\xed"):
        return "no device tree header"
    total = int.from_bytes(head[4:8], "big")
    return None if total <= size else f"{size} bytes came, its header says {total}"


_CHECKS = {
    Kind.START: _start_problem,
    Kind.KERNEL: _kernel_problem,
    Kind.DEVICE_TREE: _device_tree_problem,
    Kind.INITRAMFS: _initramfs_problem,
}

"""An initramfs archive: the cpio format that the kernel unpacks (``newc``)."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAGIC = "070701"


def pack(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """Pack files, and the folders they lie in, all of them root's.

    Args:
        files: content and permissions by relative path.

    Returns:
        The archive, not compressed.
    """
    folders = dict.fromkeys(
        "/".join(path.split("/")[:depth])
        for path in files
        for depth in range(1, path.count("/") + 1)
    )
    entries = [(path, b"", stat.S_IFDIR | 0o755) for path in folders]
    entries += [(path, content, stat.S_IFREG | mode) for path, (content, mode) in files.items()]
    packed = [_entry(number, *entry) for number, entry in enumerate(entries, 1)]
    return b"".join([*packed, _entry(0, "TRAILER!!!", b"", 0)])


def _entry(inode: int, path: str, content: bytes, mode: int) -> bytes:
    name = path.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
    head = (_MAGIC + "".join(f"{field:08x}" for field in fields)).encode() + name
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)

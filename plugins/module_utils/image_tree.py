# SPDX-License-Identifier: GPL-3.0-or-later
"""List a tree of files, every entry with its checksum, and tell what differs from a list."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

#: What a path keeps as it is beside letters and digits; all else is percent-encoded.
_PLAIN = "/-_.~!@+,:=^"
_BLOCK = 1 << 20
#: A list longer than this is no tree of a node.
_LIST_MAX = 1 << 30


def digest(path: Path | str) -> str:
    """Give the SHA-256 of a file as hex digits."""
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - many small files
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def lines(root: Path) -> Iterator[str]:
    """Describe a directory and everything in it, one line an entry, always in the same order.

    Args:
        root: the directory; links are never followed.

    Yields:
        ``<kind> <mode> <uid>:<gid> <size> <what> <path>`` without a newline. The kind is one of
        ``f d l c b p s``; the mode has its octal permission bits; the size, in bytes, is that of a
        regular file and ``-`` for all else; ``what`` is a file's SHA-256, a link's target, a
        device's ``major:minor``, or ``-``; the path is relative, ``.`` for the root itself. Path
        and target are percent-encoded.

    Raises:
        OSError: an entry cannot be read.
    """
    yield _line(os.fsencode(root), b".", root.lstat())
    yield from _below(os.fsencode(root), b"")


def _below(folder: bytes, prefix: bytes) -> Iterator[str]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        status = entry.stat(follow_symlinks=False)
        yield _line(entry.path, prefix + entry.name, status)
        if stat.S_ISDIR(status.st_mode):
            yield from _below(entry.path, prefix + entry.name + b"/")


_KINDS = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFCHR: "c",
    stat.S_IFBLK: "b",
    stat.S_IFIFO: "p",
    stat.S_IFSOCK: "s",
}


def _line(place: bytes, path: bytes, status: os.stat_result) -> str:
    kind = _KINDS[stat.S_IFMT(status.st_mode)]
    size, what = "-", "-"
    if kind == "f":
        size, what = str(status.st_size), digest(os.fsdecode(place))
    elif kind == "l":
        what = quote_from_bytes(os.readlink(place), _PLAIN)  # noqa: PTH115 - bytes
    elif kind in "cb":
        what = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    shown = quote_from_bytes(path, _PLAIN)
    return f"{kind} {mode} {status.st_uid}:{status.st_gid} {size} {what} {shown}"


def write_sums(root: Path, target: Path) -> str:
    """List a tree into a gzip file, the same bytes for the same tree, flushed to the disk.

    Args:
        root: the tree.
        target: the file, outside the tree.

    Returns:
        SHA-256 of the list before it is compressed.

    Raises:
        OSError: reading or writing failed.
    """
    found = hashlib.sha256()
    with target.open("wb") as file:
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            for line in lines(root):
                text = f"{line}\n".encode("ascii")
                found.update(text)
                packed.write(text)
        file.flush()
        os.fsync(file.fileno())
    return found.hexdigest()


def read_sums(source: Path) -> tuple[list[str], str]:
    """Read a list that :func:`write_sums` wrote.

    Returns:
        Its lines, and the SHA-256 of the list.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no gzip file of ASCII text, is cut off, or is longer than 1 GiB.
    """
    try:
        with gzip.open(source, "rb") as packed:
            text = packed.read(_LIST_MAX + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(str(error)) from error
    if len(text) > _LIST_MAX:
        raise ValueError("the list is longer than 1 GiB")
    return text.decode("ascii").splitlines(), hashlib.sha256(text).hexdigest()


def differences(root: Path, listed: list[str]) -> Iterator[str]:
    """Say what differs between a tree and its list: ``<path> is missing|new|changed``.

    Raises:
        OSError: an entry of the tree cannot be read.
    """
    expected = {_path(line): line for line in listed}
    for line in lines(root):
        path = _path(line)
        before = expected.pop(path, None)
        if before is None:
            yield f"{path} is new"
        elif before != line:
            yield f"{path} is changed"
    for path in expected:
        yield f"{path} is missing"


def _path(line: str) -> str:
    return line.rpartition(" ")[2]

"""Unpack gzip, xz and bzip2 as a stream, within bounds."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from picluster.errors import refusal

#: Bytes a packed file may unpack to.
UNPACKED_LIMIT = 2 * 1024**3

_PIECE = 256 * 1024
_XZ_MEMORY = 128 * 1024 * 1024


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def unpack(self, data: bytes) -> bytes: ...

    def hungry(self) -> bool: ...


class _Gzip:
    def __init__(self) -> None:
        self._box = zlib.decompressobj(31)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._box.eof

    @property
    def unused_data(self) -> bytes:
        return self._box.unused_data

    def unpack(self, data: bytes) -> bytes:
        out = self._box.decompress(self._box.unconsumed_tail + data, _PIECE)
        self._full = len(out) == _PIECE
        return out

    def hungry(self) -> bool:
        return not self._full and not self._box.unconsumed_tail


class _Other:
    def __init__(self, box: lzma.LZMADecompressor | bz2.BZ2Decompressor) -> None:
        self._box = box

    @property
    def eof(self) -> bool:
        return self._box.eof

    @property
    def unused_data(self) -> bytes:
        return self._box.unused_data

    def unpack(self, data: bytes) -> bytes:
        return self._box.decompress(data, _PIECE)

    def hungry(self) -> bool:
        return self._box.needs_input


_UNPACKERS: dict[bytes, Callable[[], _Unpacker]] = {
    b"\x1f\x8b": _Gzip,
    b"\xfd7zXZ\0": lambda: _Other(lzma.LZMADecompressor(memlimit=_XZ_MEMORY)),
    b"BZh": lambda: _Other(bz2.BZ2Decompressor()),
}
_FOREIGN = {b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf": "7z"}


def pieces_of(pieces: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Hand on a stream of bytes, unpacked when its first bytes say it is packed.

    Args:
        pieces: non-empty byte strings.
        name: the file, for messages.

    Raises:
        PiclusterError: zip, zstd or 7z; damaged or truncated data; more than 2 GiB unpacked.
    """
    first = b""
    for piece in pieces:
        first += piece
        if len(first) >= 6:
            break
    for magic, kind in _FOREIGN.items():
        if first.startswith(magic):
            raise refusal(f"is a {kind} archive", "unpack it first", file=name)
    make = next((make for magic, make in _UNPACKERS.items() if first.startswith(magic)), None)
    if first and make is None:
        yield first
        yield from pieces
    elif make is not None:
        yield from _unpacked(first, pieces, make, name)


def _unpacked(
    first: bytes, pieces: Iterator[bytes], make: Callable[[], _Unpacker], name: str
) -> Iterator[bytes]:
    box, total, data, started = make(), 0, first, True
    try:
        while True:
            out = box.unpack(data)
            data = b""
            total += len(out)
            if total > UNPACKED_LIMIT:
                raise refusal(
                    f"unpacks to more than {UNPACKED_LIMIT // 2**30} GiB", "split it", file=name
                )
            if out:
                yield out
            if box.eof:  # further members may follow, as rotated logs are joined
                data = (box.unused_data or next(pieces, b"")).lstrip(b"\0")
                box, started = make(), bool(data)
            elif box.hungry():
                data = next(pieces, b"")
            if not data and (not started or box.hungry()):
                break
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise refusal(f"cannot be unpacked: {error}", "pack it again", file=name) from error
    if started:
        raise refusal("packed data is truncated", "copy it again", file=name)

"""Follow a log file through rotation, truncation and half-written lines."""

from __future__ import annotations

import os
import threading
import zlib
from pathlib import Path
from typing import IO

from picluster.campaign.live.journal_source import Sink

_INTERVAL_S = 0.25
_HEAD = 256
_CHUNK = 256 * 1024
_LONGEST = 64 * 1024


class FileSource:
    """Follows one file in a thread.

    A position is ``inode:offset:checksum``, where the checksum is of the file's first bytes: an
    inode may be used again.

    Args:
        path: the file; it need not exist yet.
        sink: takes every whole line, and an empty one when the present is reached; called from
            the thread.

    Attributes:
        name: the file's.
    """

    def __init__(self, path: Path, sink: Sink) -> None:
        self.name = str(path)
        self._path = path
        self._sink = sink
        self._file: IO[bytes] | None = None
        self._inode = 0
        self._offset = 0
        self._rest = self._head = b""
        self._skipping = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"file-{path.name}", daemon=True)

    def start(self, position: str) -> bool:
        """Begin at a position, or at the present end of the file.

        Returns:
            Whether the position was found, in this file or in the one it was rotated to.
        """
        found = self._seek(position) if position else self._to_end()
        self._thread.start()
        return found

    def stop(self) -> None:
        """End the thread."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(5)

    def _to_end(self) -> bool:
        if self._open(self._path):
            self._offset = os.fstat(self._handle.fileno()).st_size
        return True

    def _seek(self, position: str) -> bool:
        try:
            inode, offset, checksum = (int(part) for part in position.split(":"))
        except ValueError:
            return False
        rotated = sorted(self._path.parent.glob(f"{self._path.name}.*"))
        for path in (self._path, *rotated):
            if not self._open(path):
                continue
            size = os.fstat(self._handle.fileno()).st_size
            if self._inode == inode and offset <= size and self._checksum(offset) == checksum:
                self._offset = offset
                return True
        self._close()
        return False

    @property
    def _handle(self) -> IO[bytes]:
        assert self._file is not None  # noqa: S101 - callers have opened it
        return self._file

    def _open(self, path: Path) -> bool:
        self._close()
        try:
            self._file = path.open("rb")
        except OSError:
            return False
        self._inode, self._offset = os.fstat(self._file.fileno()).st_ino, 0
        self._rest, self._skipping, self._head = b"", False, b""
        return True

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _checksum(self, offset: int) -> int:
        if len(self._head) < _HEAD:
            self._handle.seek(0)
            self._head = self._handle.read(_HEAD)
        return zlib.crc32(self._head[:offset])

    # ---- the thread

    def _follow(self) -> None:
        told = False
        while not self._end.is_set():
            if self.pump():
                continue
            if not told:
                told = True
                self._sink(self.name, b"", "")
            self._end.wait(_INTERVAL_S)
        self._close()

    def pump(self) -> bool:
        """Hand over what is there; whether there was anything."""
        if self._file is None and not self._open(self._path):
            return False
        size = os.fstat(self._handle.fileno()).st_size
        if size < self._offset:  # truncated: written anew from its beginning
            self._offset, self._rest, self._head = 0, b"", b""
        self._handle.seek(self._offset)
        chunk = self._handle.read(_CHUNK)
        if chunk:
            self._offset += len(chunk)
            self._lines(chunk)
            return True
        return self._rotated()

    def _rotated(self) -> bool:
        """At the end of the file: go on with the one that has its name now.

        A daemon writes to the old file until it is told: only what is in the new one says that.
        """
        try:
            status = self._path.stat()
        except OSError:
            return False
        if status.st_ino == self._inode or not status.st_size:
            return False
        if os.fstat(self._handle.fileno()).st_size > self._offset:
            return True  # it was not the end
        return self._open(self._path)

    def _lines(self, chunk: bytes) -> None:
        start = self._offset - len(chunk) - len(self._rest)
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            start += len(line) + 1
            if not self._skipping and line:
                self._sink(self.name, line, f"{self._inode}:{start}:{self._checksum(start)}")
            self._skipping = False
        if len(self._rest) > _LONGEST:
            self._rest, self._skipping = b"", True

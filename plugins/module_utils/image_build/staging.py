# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a version in a directory nobody lists and put it in place whole."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from .provider import BuildError

BUILDING = ".building-"
LOCK = ".lock"
WAIT_S = 3600


class Staging:
    """The one build at work in a directory of versions; a context manager that holds its lock.

    A second build waits for the first, so that it finds the version the first one made.

    Args:
        images: the directory of versions; made when it is not there.
        waiting: called with a sentence once when another build holds the lock.
        wait_s: how long to wait for it, in seconds.

    Raises:
        BuildError: the other build does not end.
    """

    def __init__(
        self, images: Path, waiting: Callable[[str], None], wait_s: float = WAIT_S
    ) -> None:
        self.images = images
        self._waiting = waiting
        self._wait_s = wait_s
        self._lock: IO[str] | None = None

    def __enter__(self) -> Staging:
        self.images.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._lock = (self.images / LOCK).open("w")
        try:
            self._take(self._lock)
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock:
            self._lock.close()

    def _take(self, lock: IO[str]) -> None:
        end = time.monotonic() + self._wait_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._waiting("another build is at work here")
                if time.monotonic() > end:
                    raise BuildError(
                        f"another build holds {self.images / LOCK} for {self._wait_s:.0f} s; "
                        "end it and try again"
                    ) from None
                time.sleep(1)
            else:
                return

    def clear(self) -> list[str]:
        """Remove what killed builds left; gives the names."""
        left = sorted(path for path in self.images.iterdir() if path.name.startswith(BUILDING))
        for path in left:
            remove(path)
        return [path.name for path in left]

    def begin(self, version: str) -> Path:
        """Make the directory a version is built in."""
        building = self.images / f"{BUILDING}{version}"
        building.mkdir(mode=0o755)
        return building

    def finish(self, building: Path, version: str) -> Path:
        """Put a finished directory in place under its name, safe on the disk before it is seen."""
        # One call for the whole file system instead of one for each of ten thousand files.
        descriptor = os.open(building, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _syncfs(descriptor)
        finally:
            os.close(descriptor)
        finished = self.images / version
        if finished.exists():
            raise BuildError(f"{finished} is there and was not made by a build; move it away")
        building.rename(finished)
        sync_directory(self.images)
        return finished


def remove(path: Path) -> None:
    """Remove a directory, and nothing that is mounted in it.

    Raises:
        BuildError: a file system is mounted below it.
    """
    device = path.lstat().st_dev
    for place, folders, _ in os.walk(path):
        for folder in folders:
            status = os.lstat(os.path.join(place, folder))  # noqa: PTH118 - many of them
            if stat.S_ISDIR(status.st_mode) and status.st_dev != device:
                raise BuildError(f"{place}/{folder} is mounted; unmount it, then try again")
    shutil.rmtree(path)


def sync_directory(path: Path) -> None:
    """Put the names in a directory on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _syncfs(descriptor: int) -> None:
    """Write back the file system a descriptor is on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syncfs(descriptor) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))

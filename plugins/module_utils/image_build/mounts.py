# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program of the board in its root."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .confined import mount
from .programs import run

MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
MS_NOSUID = 2
# Name, minor number; all are of the major number 1 (Linux, devices.txt).
DEVICES = (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9))


def run_in(root: Path, words: list[str], *, what: str, environment: Mapping[str, str]) -> str:
    """Run a program in a root, with processes and the harmless devices; see :func:`.run`.

    Must be called in confined mounts.
    """
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    with _system(root):
        return run(
            ["chroot", str(root), *words],
            what=what,
            environment={"PATH": path, "TMPDIR": "", **environment},
        )


@contextmanager
def _system(root: Path) -> Iterator[None]:
    places = [root / "proc", root / "dev"]
    for place in places:
        place.mkdir(mode=0o755, exist_ok=True)
    mount(b"proc", places[0], b"proc", MS_NOSUID_NODEV_NOEXEC)
    mount(b"tmpfs", places[1], b"tmpfs", MS_NOSUID)
    for name, minor in DEVICES:
        path = places[1] / name
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        path.chmod(0o666)
    try:
        yield
    finally:
        for place in places:
            _unmount(place)


def _unmount(place: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(place), 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(place))

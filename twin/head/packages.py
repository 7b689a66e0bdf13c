"""Downloaded packages, kept from one head to the next.

Each head has a directory of its own, filled by hard links: two heads can install at once, and
apt checks every file it takes from there.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from picluster.errors import os_errors
from twin.head.places import cache_dir

if TYPE_CHECKING:
    from pathlib import Path

#: More than this is a sign of an old cache; it starts anew.
_CACHE_MAX_BYTES = 2 << 30


def lend(directory: Path) -> None:
    """Put the kept packages into a head's directory."""
    kept = cache_dir() / "apt"
    with os_errors("fill the package cache", kept):
        kept.mkdir(parents=True, exist_ok=True)
        files = list(kept.glob("*.deb"))
        if sum(file.stat().st_size for file in files) > _CACHE_MAX_BYTES:
            for file in files:
                file.unlink(missing_ok=True)
            return
        for file in files:
            with contextlib.suppress(FileExistsError):
                os.link(file, directory / file.name)


def keep(directory: Path) -> None:
    """Keep what a head downloaded; a directory that is gone is fine."""
    kept = cache_dir() / "apt"
    kept.mkdir(parents=True, exist_ok=True)
    for file in directory.glob("*.deb"):
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            os.link(file, kept / file.name)

"""The repositories, made once and kept as long as what they are made from is the same."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from picluster.errors import os_errors
from twin.head import apt
from twin.head.places import cache_dir
from twin.rpm import standin, tiny
from twin.rpm.keys import Key
from twin.rpm.repository import Repository

OWNER = "Stand-in for tests <stand-in@example.invalid>"
_HERE = Path(__file__).parent
_COMMON = ("debian.py", "package.py", "repository.py")
#: What decides on the content of each.
_SOURCES = {
    "tiny": (*_COMMON, "tiny.py"),
    "standin": (*_COMMON, "files/**/*", "kernel.py", "parts.py", "standin.py"),
}


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed repository.

    Attributes:
        directory: what a ``baseurl`` points to.
        key: file with the public key of whoever signed it.
        fingerprint: of that key.
    """

    directory: Path
    key: Path
    fingerprint: str


def ensure_tiny() -> Signed:
    """Make the tiny repository unless it is there."""
    return _ensure("tiny", tiny.make)


def ensure_standin() -> Signed:
    """Make the stand-in for Oracle Linux 9 unless it is there; takes a minute or two."""
    return _ensure("standin", standin.make)


def _ensure(kind: str, make: Callable[[Path, Path, Key], Repository]) -> Signed:
    home = cache_dir() / f"rpm-{kind}-{_digest(kind)}"
    with os_errors("make the cache", home):
        home.parent.mkdir(parents=True, exist_ok=True)
        lock = (home.parent / f"rpm-{kind}.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            part = home.with_name(f"{home.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            _make(part, make)
            for old in home.parent.glob(f"rpm-{kind}-*"):
                if old != part:
                    shutil.rmtree(old)
            with os_errors("keep the repository", home):
                part.rename(home)
    fingerprint = (home / "fingerprint").read_text().strip()
    return Signed(home / "repo", home / "key.asc", fingerprint)


def _make(place: Path, make: Callable[[Path, Path, Key], Repository]) -> None:
    try:
        with Key.make(place / "secret", OWNER) as key:
            make(place / "repo", place / "work", key)
            (place / "key.asc").write_text(key.public())
            (place / "fingerprint").write_text(f"{key.fingerprint()}\n")
        # Nobody signs with this key again.
        shutil.rmtree(place / "secret")
        shutil.rmtree(place / "work")
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _digest(kind: str) -> str:
    """Digest of everything a repository is made from."""
    digest = hashlib.sha256(apt.CODENAME.encode())
    found = {file for pattern in _SOURCES[kind] for file in _HERE.glob(pattern)}
    for file in sorted(file for file in found if file.is_file()):
        digest.update(str(file.relative_to(_HERE)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]

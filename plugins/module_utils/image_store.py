# SPDX-License-Identifier: GPL-3.0-or-later
"""Image versions on a boot server: what is there, whether it is whole, and who points to it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from .image_tree import differences, digest, read_sums

#: Pointers to versions, the one that most boards boot first.
POINTERS = ("current", "canary", "previous")
#: Where pointers lead before the first promotion: the bare boot files, which have no root.
BARE = "../boot"
#: Names of what is under way; never listed, cleared by the next run.
BUILDING, PUBLISHING, RECEIVING, REMOVING = (
    ".building-",
    ".publishing-",
    ".receiving-",
    ".removing-",
)
MANIFEST, SUMS = "manifest.json", "SHA256SUMS.gz"

_VERSION = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SHOWN = 5


class StoreError(Exception):
    """A reason something cannot be done, with what to do about it."""


def check_version(name: str) -> str:
    """Give a version's name back.

    Raises:
        StoreError: it is none, or the name of a pointer.
    """
    if not _VERSION.fullmatch(name) or name in POINTERS:
        raise StoreError(f"{name!r} is no name of an image version")
    return name


@dataclass(frozen=True)
class Manifest:
    """What a version says of itself.

    Attributes:
        data: the whole manifest, as JSON gives it.
        boot: size in bytes and SHA-256 of each boot file, by its path below ``boot/``.
        root: ``tree`` or ``squashfs``.
        root_sha256: of the uncompressed list of the tree, or of ``root.squashfs``.
    """

    data: Mapping[str, Any]
    boot: Mapping[str, tuple[int, str]]
    root: str
    root_sha256: str


@dataclass(frozen=True)
class Version:
    """A version as it is found.

    Attributes:
        name: its name.
        manifest: what it says of itself; empty when that cannot be read.
        published: its boot files are where the TFTP server finds them, and are the same.
        damage: what is wrong with it, in one clause; empty when nothing is.
        time: when it was built, or put there, as an ISO date; for the order.
    """

    name: str
    manifest: Mapping[str, Any] = field(default_factory=dict)
    published: bool = False
    damage: str = ""
    time: str = ""


class ImageStore:
    """The versions of one boot server.

    Args:
        export_root: directory the NFS server exports; versions are in ``images/`` of it.
        tftp_root: directory the TFTP server is jailed in; boot files are in ``images/`` of it.
    """

    def __init__(self, export_root: Path, tftp_root: Path) -> None:
        self.images = export_root / "images"
        self.staged = tftp_root / "images"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other run that would change something here out of the block."""
        make_passable(self.staged)
        handle = os.open(self.staged, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    # ---- versions

    def names(self) -> list[str]:
        """Names of the versions, in alphabetical order; what is under way is none."""
        return _names(self.images)

    def staged_names(self) -> list[str]:
        """Names of the directories of boot files that the TFTP server has."""
        return _names(self.staged)

    def manifest(self, name: str) -> Manifest:
        """Read what a version says of itself.

        Raises:
            StoreError: it is not there, or is not what a build writes.
        """
        place = self.images / check_version(name)
        if not place.is_dir() or place.is_symlink():
            known = ", ".join(self.names()) or "none"
            raise StoreError(f"there is no image version {name} in {self.images}; there: {known}")
        path = place / MANIFEST
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise StoreError(f"{path} cannot be read: {error}") from error
        try:
            return _manifest(name, data)
        except ValueError as error:
            raise StoreError(f"{path} is no manifest of version {name}: {error}") from error

    def check(self, name: str, *, everything: bool = False) -> Manifest:
        """Hold a version against its manifest.

        Args:
            name: the version.
            everything: read the whole root too, not the boot files alone.

        Raises:
            StoreError: something is missing or differs; the first five are named.
        """
        manifest = self.manifest(name)
        place = self.images / name
        wrong = list(_boot_differences(place / "boot", manifest.boot))
        wrong += _root_missing(place, manifest.root)
        if everything and not wrong:
            wrong = list(_root_differences(place, manifest))
        if wrong:
            raise StoreError(f"image version {name} is damaged: {_some(wrong)}")
        return manifest

    def is_published(self, name: str, manifest: Manifest) -> bool:
        """Whether the TFTP server has a version's boot files as the manifest has them."""
        return not any(_boot_differences(self.staged / name, manifest.boot))

    def ready(self, name: str) -> Manifest:
        """Make sure that boards can boot a version.

        Raises:
            StoreError: it is absent, damaged or not published.
        """
        manifest = self.check(name)
        if not (self.staged / name).is_dir():
            raise StoreError(f"image version {name} is not published here; publish it first")
        wrong = list(_boot_differences(self.staged / name, manifest.boot))
        if wrong:
            what = f"boot files of image version {name} in {self.staged / name} are damaged"
            raise StoreError(f"{what}: {_some(wrong)}; publish it again")
        return manifest

    def versions(self, *, only: str = "", everything: bool = False) -> list[Version]:
        """Every version, the newest first.

        Args:
            only: look at this one alone.
            everything: read the whole of each, to find what is damaged.
        """
        names = [name for name in self.names() if only in ("", name)]
        found = [self._version(name, everything=everything) for name in names]
        return sorted(found, key=lambda version: (version.time, version.name), reverse=True)

    def _version(self, name: str, *, everything: bool) -> Version:
        try:
            manifest = self.manifest(name)
        except StoreError as error:
            return Version(name, damage=str(error), time=_changed(self.images / name))
        damage = ""
        try:
            self.check(name, everything=everything)
        except (StoreError, OSError) as error:
            damage = str(error)
        published = self.is_published(name, manifest)
        return Version(name, manifest.data, published, damage, str(manifest.data["built"]))

    # ---- pointers

    def pointer(self, name: str) -> str | None:
        """Where a pointer leads.

        Returns:
            Name of a version; an empty string for the bare boot files; ``None`` without a pointer.

        Raises:
            StoreError: it leads anywhere else, or is no symlink.
        """
        path = self.staged / name
        try:
            target = os.readlink(path)  # noqa: PTH115 - the text, not a path made of it
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path} is no symlink; move it away") from error
        if target == BARE:
            return ""
        if not _VERSION.fullmatch(target) or target in POINTERS:
            raise StoreError(f"{path} leads to {target!r}, which is no image version; correct it")
        return target

    def pointers(self) -> dict[str, str | None]:
        """Where each pointer leads (see :meth:`pointer`)."""
        return {name: self.pointer(name) for name in POINTERS}

    def has_image(self, image: str) -> bool:
        """Whether a board that is to boot a pointer or a version finds a directory behind it."""
        return (self.staged / image).is_dir()


def make_passable(folder: Path) -> None:
    """Make a directory that daemons can pass, whatever the umask."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


def _names(folder: Path) -> list[str]:
    try:
        found = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    names = (entry.name for entry in found)
    return sorted(name for name in names if _VERSION.fullmatch(name) and name not in POINTERS)


def _changed(path: Path) -> str:
    """When a directory was made, for the order of versions that do not say."""
    try:
        seconds = int(path.stat().st_mtime)
    except OSError:
        seconds = 0
    return iso_time(seconds)


def iso_time(seconds: float) -> str:
    """Seconds since 1970 as ``2026-11-25T18:00:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _manifest(name: str, data: Any) -> Manifest:
    """Check a manifest.

    Raises:
        ValueError: what is wrong with it.
    """
    if not isinstance(data, dict) or data.get("format") != 1:
        raise ValueError("its format is not 1")
    if data.get("version") != name:
        raise ValueError(f"it is of version {data.get('version')!r}")
    for key in ("built", "kernel", "provider", "release", "root_sha256"):
        if not isinstance(data.get(key), str):
            raise ValueError(f"{key} is no text")
    if data.get("root") not in ("tree", "squashfs"):
        raise ValueError(f"root is {data.get('root')!r}, neither tree nor squashfs")
    if not _SHA256.fullmatch(data["root_sha256"]):
        raise ValueError("root_sha256 is no SHA-256")
    for key in ("boot", "packages", "sizes"):
        if not isinstance(data.get(key), dict):
            raise ValueError(f"{key} is no mapping")
    boot = dict(_boot_file(path, entry) for path, entry in data["boot"].items())
    return Manifest(data, boot, data["root"], data["root_sha256"])


def _boot_file(path: str, entry: Any) -> tuple[str, tuple[int, str]]:
    pure = PurePosixPath(path)
    if str(pure) != path or pure.is_absolute() or not pure.parts or ".." in pure.parts:
        raise ValueError(f"boot file {path!r} is no path below boot")
    size = entry.get("size") if isinstance(entry, dict) else None
    sha256 = entry.get("sha256") if isinstance(entry, dict) else None
    if not isinstance(size, int) or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"boot file {path} has no size and SHA-256")
    return path, (size, sha256)


def _boot_differences(folder: Path, expected: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    """Say how a directory of boot files differs from what a manifest says."""
    found = {
        str(path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or not path.is_dir()
    }
    for name, (size, sha256) in expected.items():
        path = found.pop(name, None)
        if path is None:
            yield f"boot file {name} is missing"
        elif path.is_symlink() or not path.is_file():
            yield f"boot file {name} is no regular file"
        elif path.stat().st_size != size or digest(path) != sha256:
            yield f"boot file {name} is changed"
    for name in found:
        yield f"boot file {name} is new"


def _root_missing(place: Path, root: str) -> Iterator[str]:
    held = place / ("root" if root == "tree" else "root.squashfs")
    if held.is_symlink() or not (held.is_dir() if root == "tree" else held.is_file()):
        yield f"{held.name} is missing"
    if not (place / SUMS).is_file():
        yield f"{SUMS} is missing"


def _root_differences(place: Path, manifest: Manifest) -> Iterator[str]:
    if manifest.root == "squashfs":
        if digest(place / "root.squashfs") != manifest.root_sha256:
            yield "root.squashfs is changed"
        return
    try:
        listed, sha256 = read_sums(place / SUMS)
    except ValueError as error:
        yield f"{SUMS} cannot be read: {error}"
        return
    if sha256 != manifest.root_sha256:
        yield f"{SUMS} is changed"
        return
    yield from (f"root: {text}" for text in differences(place / "root", listed))


def _some(wrong: list[str]) -> str:
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return ", ".join(wrong[:_SHOWN]) + more

# SPDX-License-Identifier: GPL-3.0-or-later
"""Take files out of Debian packages."""

from __future__ import annotations

import contextlib
import fnmatch
import gzip
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from .deb_archive import ArchiveError


def below(root: Path, path: str) -> Path:
    """Give a path below a directory; one that would leave it is refused."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ArchiveError(f"path {path!r} is not below the destination")
    return root.joinpath(*pure.parts)


def matches(member: str, pattern: str) -> bool:
    """Tell whether a path matches a pattern part by part."""
    names, patterns = PurePosixPath(member).parts, PurePosixPath(pattern).parts
    return len(names) == len(patterns) and all(map(fnmatch.fnmatchcase, names, patterns))


@contextlib.contextmanager
def members(package: Path) -> Iterator[tarfile.TarFile]:
    """Read the files of a package in order, while the context lasts."""
    with (
        subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE
        ) as tar,
        tarfile.open(fileobj=tar.stdout, mode="r|") as archive,
    ):
        yield archive
        # The padding behind the last file is read as well, or dpkg-deb takes it for a failure.
        while tar.stdout and tar.stdout.read(1 << 16):
            pass
    if tar.returncode:
        raise ArchiveError(f"{package.name} cannot be read by dpkg-deb")


def extract(package: Path, files: list[dict[str, Any]], root: Path) -> None:
    """Extract the wanted files of a package; each pattern must match exactly one regular file.

    Args:
        package: the package.
        files: ``source`` (a pattern), ``path`` below the root and ``gzip`` (whether to compress)
            of each.
        root: directory for the files.

    Raises:
        ArchiveError: a pattern matches no or several files, or the package is damaged.
    """
    found: dict[str, list[str]] = {file["source"]: [] for file in files}
    with members(package) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            for file in files:
                if not member.isfile() or not matches(name, file["source"].lstrip("/")):
                    continue
                found[file["source"]].append(name)
                content = archive.extractfile(member)
                if content:
                    store(content, below(root, file["path"]), compress=file["gzip"])
    for source, names in found.items():
        if len(names) != 1:
            what = "no file" if not names else " and ".join(names)
            raise ArchiveError(f"{source} of {package.name} matches {what}; it must match one file")


def store(content: Any, target: Path, *, compress: bool) -> None:
    """Write a stream to a file, with gzip when asked; same input, same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        if compress:
            with gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed:
                shutil.copyfileobj(content, packed)
        else:
            shutil.copyfileobj(content, file)

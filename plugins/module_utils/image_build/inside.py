# SPDX-License-Identifier: GPL-3.0-or-later
"""Find and write files in a root, whose symlinks mean the root and not the builder."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from .provider import BuildError

_LINKS_MAX = 40


def inside(root: Path, path: str) -> Path:
    """Give the real place of a path in a root, links to directories followed as a node does.

    Args:
        root: the root.
        path: path as a node sees it; the last part is not followed.

    Raises:
        BuildError: it leaves the root, or its links go round in a circle.
    """
    parts = [part for part in PurePosixPath("/", path).parts if part != "/"]
    place: list[str] = []
    links = 0
    while parts:
        part = parts.pop(0)
        if part == "..":
            if not place:
                raise BuildError(f"path {path!r} leaves the image")
            place.pop()
            continue
        here = root.joinpath(*place, part)
        if parts and here.is_symlink():
            links += 1
            if links > _LINKS_MAX:
                raise BuildError(f"path {path!r} goes through too many links")
            target = PurePosixPath(here.readlink())
            if target.is_absolute():
                place = []
            parts = [item for item in target.parts if item != "/"] + parts
            continue
        place.append(part)
    if not place:
        raise BuildError(f"path {path!r} is no file of the image")
    return root.joinpath(*place)


def write(root: Path, path: str, content: bytes, mode: int) -> None:
    """Write a file of root's, in place of a link of that name if there is one.

    Folders that are missing are made with mode 0755; what is there keeps its mode.
    """
    target = inside(root, path)
    folder = target.parent
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
    if target.is_symlink():
        target.unlink()
    target.write_bytes(content)
    os.chown(target, 0, 0)
    target.chmod(mode)

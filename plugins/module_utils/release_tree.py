# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory that changes as a whole: finished trees beside it, and a symlink to one of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
BUILDING = ".building-"


def digest(path: Path) -> str:
    """Give the SHA-256 of a file as hex digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


class ReleaseTree:
    """Trees in ``<dest>.d/`` of which the symlink ``<dest>`` names the served one.

    A run killed at any moment leaves the old tree or the new one served; what it was building
    is cleared by the next run.
    """

    def __init__(self, dest: Path) -> None:
        self.dest = dest
        self.releases = dest.with_name(dest.name + ".d")

    def manifest(self) -> dict[str, Any]:
        """Give the manifest of the served tree; empty when there is none that can be read."""
        try:
            read = json.loads((self.dest / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def is_intact(self) -> bool:
        """Tell whether every file of the served tree is there, unchanged, and nothing else is."""
        files = self.manifest().get("files")
        if not isinstance(files, dict) or not self.dest.is_symlink():
            return False
        try:
            found = {
                str(path.relative_to(self.dest)): digest(path)
                for path in self.dest.rglob("*")
                if path.is_file() and path.name != MANIFEST
            }
        except OSError:
            return False
        return found == files

    def start(self) -> Path:
        """Clear what a killed run left and give an empty directory to build the next tree in."""
        self.releases.mkdir(parents=True, exist_ok=True)
        self.releases.chmod(0o755)  # daemons pass it, whatever the umask
        for left in self.releases.glob(BUILDING + "*"):
            if left.is_symlink():
                left.unlink()
            else:
                shutil.rmtree(left)
        return Path(tempfile.mkdtemp(prefix=BUILDING, dir=self.releases))

    def finish(self, building: Path, name: str, manifest: dict[str, Any], keep: int) -> None:
        """Write the manifest, put the tree in place under its name, serve it, drop old ones.

        Args:
            building: the directory given by :meth:`start`, filled.
            name: name of the finished tree; one of that name is replaced.
            manifest: JSON-ready data; ``files`` is added as path to SHA-256.
            keep: number of trees that stay, the served one among them.
        """
        files = {
            str(path.relative_to(building)): digest(path)
            for path in sorted(building.rglob("*"))
            if path.is_file()
        }
        text = json.dumps({**manifest, "files": files}, indent=2, sort_keys=True) + "\n"
        (building / MANIFEST).write_text(text, encoding="utf-8")
        self._publish_modes(building)
        finished = self.releases / name
        if finished.exists():
            # Served under this name but broken: the symlink goes to the new one under another.
            name = f"{name}-{building.name.removeprefix(BUILDING)}"
            finished = self.releases / name
        building.rename(finished)
        self._serve(name)
        self._prune(name, keep)

    @staticmethod
    def _publish_modes(building: Path) -> None:
        """Make the tree readable for the daemons that serve it, and safe on the disk."""
        for path in [building, *building.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _serve(self, name: str) -> None:
        link = self.releases / f"{BUILDING}link"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(self.releases.name, name))
        link.rename(self.dest)

    def _prune(self, served: str, keep: int) -> None:
        others = [path for path in self.releases.iterdir() if path.name != served]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for old in others[max(keep - 1, 0) :]:
            shutil.rmtree(old)

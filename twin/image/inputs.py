"""What decides on an image, told from the source tree alone: no head need be asked for it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from twin.head import apt
from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: Code and files that go into an image, relative to the source tree.
_SOURCES = (
    "plugins/action/image_build.py",
    "plugins/modules/image_build.py",
    "plugins/module_utils/deb_archive.py",
    "plugins/module_utils/deb_files.py",
    "plugins/module_utils/deb_sources.py",
    "plugins/module_utils/image_build",
    "plugins/module_utils/image_tree.py",
    "roles/node_image/defaults",
    "roles/node_image/files",
    "roles/node_image/tasks",
    "roles/node_image/templates",
    "roles/node_image/vars",
)


def key(wishes: Mapping[str, Any], tree: Path = TREE) -> str:
    """Give a name that is the same as long as the same image would be built.

    Args:
        wishes: variables of the role.
        tree: root of the source tree.
    """
    digest = hashlib.sha256(json.dumps([apt.sources(), wishes], sort_keys=True).encode())
    for path in _files(tree):
        digest.update(f"{path.relative_to(tree)}\0{path.stat().st_mode & 0o100}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files(tree: Path) -> Iterator[Path]:
    for source in _SOURCES:
        place = tree / source
        found = [place] if place.is_file() else sorted(place.rglob("*"))
        for path in found:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path

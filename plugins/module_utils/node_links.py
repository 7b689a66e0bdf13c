# SPDX-License-Identifier: GPL-3.0-or-later
"""The links by which the TFTP server finds what the board at an address boots."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from .image_store import StoreError, make_passable
from .image_switch import sync
from .image_use import PlannedNode, some

PREFIX = "../images/"
NEW = ".new"


def links_of(nodes: Sequence[PlannedNode]) -> dict[str, str]:
    """The links there shall be: target by name."""
    return {node.address: f"{PREFIX}{node.image}" for node in nodes}


def refuse_absent(
    nodes: Sequence[PlannedNode], images: Path, *, passed: Sequence[str] = ()
) -> None:
    """Refuse images that are not there.

    Args:
        nodes: the plan.
        images: directory of the images on the TFTP server.
        passed: images that need not be there.

    Raises:
        StoreError: with every absent image, its banks and the number of their nodes.
    """
    wanted: dict[str, list[PlannedNode]] = {}
    for node in nodes:
        wanted.setdefault(node.image, []).append(node)
    absent = [
        f"image {image} of {_banks(group)} ({len(group)} nodes)"
        for image, group in wanted.items()
        if image not in passed and not (images / image).is_dir()
    ]
    if absent:
        raise StoreError(
            f"not in {images}: {'; '.join(absent)}; publish it (playbooks/image.yml) or change"
            " image in the description"
        )


def _banks(nodes: Sequence[PlannedNode]) -> str:
    banks = list(dict.fromkeys(node.bank for node in nodes))
    return f"bank{'s' if len(banks) > 1 else ''} {some(banks)}"


def found(folder: Path) -> dict[str, str]:
    """Read the links that are there: target by name; an empty one for what is no link."""
    links = {}
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return {}
    with entries:
        for entry in entries:
            is_link = entry.is_symlink()
            links[entry.name] = os.readlink(entry.path) if is_link else ""  # noqa: PTH115
    return links


def apply(folder: Path, links: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Make the links so.

    Raises:
        OSError: one could not be made.
    """
    make_passable(folder)
    new = folder / NEW
    new.unlink(missing_ok=True)
    for name, target in wanted.items():  # up to 65,000 of them
        if name not in links:
            os.symlink(target, folder / name)  # noqa: PTH211
        elif links[name] != target:
            os.symlink(target, new)  # noqa: PTH211
            os.replace(new, folder / name)  # noqa: PTH105
    for name in links.keys() - wanted.keys() - {NEW}:
        (folder / name).unlink()
    sync(folder)


def differing(links: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Show the links that are not the same in another set."""
    rows = (
        f"{name} -> {target.removeprefix(PREFIX)}\n"
        for name, target in links.items()
        if other.get(name) != target
    )
    return "".join(sorted(rows))

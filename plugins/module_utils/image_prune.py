# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove image versions that nothing uses."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from .image_store import REMOVING, ImageStore, StoreError
from .image_switch import clear, retire, sync
from .image_use import Use, some


def choose(store: ImageStore, use: Use, keep: int) -> tuple[list[str], dict[str, list[str]]]:
    """Decide which versions go.

    Args:
        store: the boot server's.
        use: who uses what.
        keep: how many of the newest stay in any case.

    Returns:
        Names of those that go, the newest first; and why each of the others stays.
    """
    names = [version.name for version in store.versions()]
    names += [name for name in store.staged_names() if name not in names]
    going, staying = [], {}
    for position, name in enumerate(names):
        reasons = use.reasons(name)
        if position < keep:
            reasons.append("one of the newest")
        if reasons:
            staying[name] = reasons
        else:
            going.append(name)
    return going, staying


def refuse_unknown(use: Use) -> None:
    """Refuse while a client is connected whose version is not known.

    Raises:
        StoreError: with the clients' names.
    """
    if use.unknown:
        raise StoreError(
            f"connected, and nobody knows with which image version: {some(use.unknown)};"
            " wait for their next message, or force it"
        )


def remove(store: ImageStore, names: Sequence[str]) -> None:
    """Remove versions: out of the way first, then from the disk.

    A run that is killed leaves no half version; what it left is cleared by the next one.

    Raises:
        StoreError: something is mounted inside one.
        OSError: one could not be removed.
    """
    places = [folder / name for name in names for folder in (store.staged, store.images)]
    for place in places:
        _refuse_mounts(place)
    retired = []
    for place in places:  # of each version first what boards ask for, then its root
        if place.is_dir() and not place.is_symlink():
            retired.append(retire(place, REMOVING))
            sync(place.parent)
    for away in retired:
        shutil.rmtree(away)
    for folder in (store.staged, store.images):
        for left in folder.glob(f"{REMOVING}*"):
            _refuse_mounts(left)
        clear(folder, REMOVING)


def _refuse_mounts(place: Path) -> None:
    inside = f"{place.resolve()}/"
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        mounted = line.split(" ")[1]
        if mounted.startswith(inside):
            raise StoreError(f"{mounted} is mounted inside {place}; unmount it first")

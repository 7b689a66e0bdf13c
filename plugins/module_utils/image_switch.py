# SPDX-License-Identifier: GPL-3.0-or-later
"""Put image versions where boards find them, and switch pointers to them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .image_store import (
    BARE,
    POINTERS,
    PUBLISHING,
    ImageStore,
    StoreError,
    check_version,
)

#: Version by pointer; empty for the bare boot files, ``None`` without the pointer.
Pointers = Mapping[str, "str | None"]
#: A switch that has begun: what each pointer shall lead to. A killed one is ended by the next.
_BEGUN = ".switch.json"


# ---- publishing


def publish(store: ImageStore, name: str) -> None:
    """Copy a version's boot files to the TFTP server; a board sees all of them or none.

    Raises:
        StoreError: the version is absent or differs from its manifest.
        OSError: it could not be copied; nothing is published.
    """
    manifest = store.check(name, everything=True)
    clear(store.staged, PUBLISHING)
    copy = Path(tempfile.mkdtemp(prefix=PUBLISHING, dir=store.staged))
    for path in sorted(manifest.boot):
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(store.images / name / "boot" / path, target)
    _make_readable(copy)
    place = store.staged / name
    if place.is_dir():  # it is damaged, or it would not have come to this
        retire(place, PUBLISHING)
    copy.rename(place)
    sync(store.staged)
    clear(store.staged, PUBLISHING)


def _make_readable(folder: Path) -> None:
    """Give every file the mode the daemon needs, and have it on the disk."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        sync(path)


def sync(path: Path) -> None:
    """Have a file, or the names in a directory, on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def retire(place: Path, prefix: str) -> Path:
    """Rename a directory so that it is none of the versions any more; gives its new path."""
    away = Path(tempfile.mkdtemp(prefix=prefix, dir=place.parent))
    place.rename(away / place.name)
    return away


def clear(folder: Path, prefix: str) -> None:
    """Remove what killed runs left under a prefix."""
    for path in folder.glob(f"{prefix}*"):
        shutil.rmtree(path)


# ---- pointers


@dataclass(frozen=True)
class Begun:
    """A switch that has been written down.

    Attributes:
        operation: what it was asked for: ``initial``, ``promote`` or ``rollback``.
        wanted: version by pointer; an empty one for the bare boot files.
    """

    operation: str
    wanted: Mapping[str, str]


def begun(store: ImageStore) -> Begun | None:
    """The switch that a killed run left, if one did.

    Raises:
        StoreError: the note of it is damaged.
    """
    path = store.staged / _BEGUN
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        wanted = {str(name): str(version) for name, version in note["pointers"].items()}
        if not set(wanted) <= set(POINTERS):
            raise ValueError("it names other pointers")
        for version in wanted.values():
            version and check_version(version)
        return Begun(str(note["operation"]), wanted)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StoreError) as error:
        raise StoreError(f"{path} is no note of a switch: {error}; remove it") from error


def carry_out(
    store: ImageStore, operation: str, version: str = "", target: str = "", *, write: bool = True
) -> Pointers:
    """Switch pointers, or find out what a switch would do.

    Args:
        store: the boot server's; locked, when something is to be written.
        operation: ``initial``, ``promote`` or ``rollback``.
        version: see :func:`promotion` and :func:`rollback`.
        target: see :func:`promotion`.
        write: do it.

    Returns:
        The pointers afterwards.

    Raises:
        StoreError: it is refused.
        OSError: a pointer could not be written.
    """
    left = resume(store) if write else begun(store)
    now: Pointers = {**store.pointers(), **(left.wanted if left else {})}
    if left and left.operation == operation == "rollback" and not version:
        return now  # what was asked for before is done: once more would undo it
    if operation == "initial":
        wanted = initial(now)
    elif operation == "promote":
        wanted = promotion(store, now, version, target)
    else:
        wanted = rollback(store, now, version)
    missing = changes(now, wanted)
    if missing and write:
        switch(store, operation, missing)
    return {**now, **missing}


def initial(now: Pointers) -> dict[str, str]:
    """What the pointers lead to before the first promotion, as far as they are not there."""
    return {name: "" for name in ("current", "canary") if now[name] is None}


def promotion(store: ImageStore, now: Pointers, version: str, target: str) -> dict[str, str]:
    """What the pointers shall lead to when a version is promoted.

    Args:
        store: the boot server's.
        now: what they lead to.
        version: the version.
        target: ``canary`` for the canary bank, ``all`` for every bank that names no version.

    Returns:
        Version by pointer, of those that shall change or be as they are.

    Raises:
        StoreError: boards could not boot it.
    """
    store.ready(version)
    if target == "canary":
        return {"canary": version}
    wanted = {"current": version, "canary": version}
    current = now["current"]
    if current and current != version:
        wanted["previous"] = current
    return wanted


def rollback(store: ImageStore, now: Pointers, version: str = "") -> dict[str, str]:
    """What the pointers shall lead to when the last promotion is taken back.

    Args:
        store: the boot server's.
        now: what they lead to.
        version: the version to go back to: nothing changes where it is the current one. Empty
            for the previous one, whichever that is; doing that twice goes back and forth.

    Raises:
        StoreError: there is no previous version, it is another one, or boards could not boot it.
    """
    current, previous = now["current"], now["previous"]
    if version and version == current:
        return {"current": version, "canary": version}
    if not previous or previous == current:
        raise StoreError("there is no previous image version to go back to; promote one")
    if version and version != previous:
        raise StoreError(
            f"image version {version} is not the previous one, {previous} is; promote it instead"
        )
    store.ready(previous)
    wanted = {"current": previous, "canary": previous}
    if current:
        wanted["previous"] = current
    return wanted


def changes(now: Pointers, wanted: Mapping[str, str]) -> dict[str, str]:
    """The part of a switch that is not so yet."""
    return {name: version for name, version in wanted.items() if now[name] != version}


def switch(store: ImageStore, operation: str, wanted: Mapping[str, str]) -> None:
    """Switch pointers, each by one rename.

    What is wanted is written down first. A run that is killed leaves every pointer old or new, and
    :func:`resume` ends what it began.

    Raises:
        OSError: it could not be written.
    """
    note = {"operation": operation, "pointers": dict(wanted)}
    _write(store.staged / _BEGUN, json.dumps(note, sort_keys=True) + "\n")
    resume(store)


def resume(store: ImageStore) -> Begun | None:
    """End a switch that has begun.

    Returns:
        What had begun; ``None`` when nothing had.

    Raises:
        StoreError: its note is damaged.
        OSError: a pointer could not be written.
    """
    found = begun(store)
    if found is None:
        return None
    for name, version in changes(store.pointers(), found.wanted).items():
        _point(store.staged / name, version or BARE)
    sync(store.staged)
    (store.staged / _BEGUN).unlink()
    sync(store.staged)
    return found


def _point(path: Path, target: str) -> None:
    link = path.with_name(f".{path.name}.new")
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    link.rename(path)


def _write(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    sync(path.parent)

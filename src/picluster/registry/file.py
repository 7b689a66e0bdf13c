"""The file of a registry: read it, lock it, replace it whole."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from picluster.atomic import write_atomically
from picluster.errors import os_errors, refusal, shown
from picluster.registry.model import Entry, Registry
from picluster.registry.rows import parse_entries
from picluster.registry.text import render

#: A comment that marks a registry whose boards are invented.
SAMPLE_MARK = "# picluster: sample registry"

_LIMIT_BYTES = 64 * 1024 * 1024


def load_registry(path: Path) -> Registry:
    """Read a registry; a file that does not exist is an empty one.

    Raises:
        PiclusterError: unreadable, no such column, or any row that is not of the form;
            with file, line, value and remedy for every offender.
    """
    text = old_text(path)
    entries = parse_entries(text, path) if text is not None else ()
    return Registry(path, entries, sample=SAMPLE_MARK in (text or ""), text=text)


def old_text(path: Path) -> str | None:
    """The text of a registry with its byte order mark, if any; ``None`` where there is no file.

    Raises:
        PiclusterError: unreadable, not a regular file, too large, or not UTF-8.
    """
    with os_errors("read the registry", path, "mend its permissions"):
        try:
            status = path.stat()
        except FileNotFoundError:
            if path.is_symlink():
                what = f"a link to {shown(str(path.readlink()))}, which does not exist"
                raise refusal(what, "mend or remove the link", file=path) from None
            return None
        if not stat.S_ISREG(status.st_mode):
            raise refusal("not a regular file", "is this the file?", file=path)
        if status.st_size > _LIMIT_BYTES:
            raise refusal("larger than any registry (64 MiB)", "is this the file?", file=path)
        raw = path.read_bytes()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        bad = shown(raw[error.start : error.start + 1])
        raise refusal(
            f"byte {bad} is not UTF-8", "save it as UTF-8", file=path, line=line
        ) from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the only right to change a registry.

    The folder is what is locked: no file is left behind, and a killed process lets go of it.

    Raises:
        PiclusterError: another one holds it, or the folder cannot be opened.
    """
    folder = Path(os.path.realpath(path)).parent
    with os_errors("lock the folder of the registry", folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os_errors("lock the folder of the registry", folder):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                what = "another picluster is changing this registry"
                raise refusal(what, "wait for it, then repeat", file=path) from None
        yield
    finally:
        os.close(handle)


def new_text(
    registry: Registry, entries: tuple[Entry, ...], *, fresh: bool = False, title: str = ""
) -> str:
    """The text a registry would get (see :func:`save_registry`)."""
    return render("" if fresh else registry.text or "", entries, title=title)


def save_registry(
    registry: Registry, entries: tuple[Entry, ...], *, fresh: bool = False, title: str = ""
) -> None:
    """Replace a registry file atomically.

    Args:
        registry: the registry as it was loaded.
        entries: all entries it shall hold.
        fresh: forget the old text, its comments too.
        title: comment line for a new file.

    Raises:
        PiclusterError: the file has changed since it was loaded, or cannot be written (full disk,
            permissions); it is as it was.
    """
    if old_text(registry.path) != registry.text:
        what = "has changed while this command ran; nothing was written"
        raise refusal(what, "repeat the command", file=registry.path)
    write_atomically(registry.path, new_text(registry, entries, fresh=fresh, title=title))

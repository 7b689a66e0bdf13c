"""Read and write ``macs.csv``: comments and untouched rows stay byte for byte as they were."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from picluster.atomic import write_atomically
from picluster.errors import PiclusterError, Problem, os_errors, refusal, shown
from picluster.mac import MacAddress, parse_mac, parse_serial
from picluster.net import parse_address
from picluster.registry.model import Entry, Registry, Slot, State

#: Columns of the file, in order.
COLUMNS = tuple(field.name for field in fields(Entry) if field.name != "line")
#: A comment that marks a registry whose boards are invented.
SAMPLE_MARK = "# picluster: sample registry"

_LIMIT_BYTES = 64 * 1024 * 1024
_CANONICAL_MAC = re.compile(r"[0-9a-f][02468ace](?::[0-9a-f]{2}){5}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]*")
_REQUIRED = ("bank", "slot", "mac")
_HEADER = ",".join(COLUMNS)


@dataclass(slots=True)
class _Row:
    """A line of the file: a comment (no key), or an entry with its text."""

    text: str
    key: Slot | None = None
    is_header: bool = False


def load_registry(path: Path) -> Registry:
    """Read a registry; a file that does not exist is an empty one.

    Raises:
        PiclusterError: unreadable, no such column, or any row that is not of the form;
            with file, line, value and remedy for every offender.
    """
    if not path.exists():
        return Registry(path)
    text = _read(path)
    reader = _Reader(path)
    entries = reader.entries(text)
    return Registry(path, entries, sample=SAMPLE_MARK in text)


def _read(path: Path) -> str:
    with os_errors("read the registry", path, "mend its permissions"):
        if path.stat().st_size > _LIMIT_BYTES:
            raise refusal("larger than any registry (64 MiB)", "is this the file?", file=path)
        raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        bad = shown(raw[error.start : error.start + 1])
        raise refusal(
            f"byte {bad} is not UTF-8", "save it as UTF-8", file=path, line=line
        ) from None


class _Reader:
    """Parses the rows of one file; collects problems."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._problems: list[Problem] = []
        self._columns: list[str] = []

    def entries(self, text: str) -> tuple[Entry, ...]:
        """Parse the text; raise all problems at once."""
        found = [entry for number, line in _data_lines(text) if (entry := self._line(number, line))]
        if not self._columns and not self._problems:
            self._say(1, "no header", f"begin with: {','.join(COLUMNS)}")
        if self._problems:
            raise PiclusterError(self._problems)
        return tuple(found)

    def _say(self, line: int, what: str, remedy: str = "") -> None:
        self._problems.append(Problem(what, remedy, str(self._path), line))

    def _line(self, number: int, line: str) -> Entry | None:
        cells = _cells(line)
        if cells is None:
            self._say(number, f"not a row of CSV: {shown(line)}", "close its quotes")
            return None
        if not self._columns:
            self._header(number, cells)
            return None
        if len(cells) != len(self._columns):
            what = f"{len(cells)} cells where the header has {len(self._columns)}: {shown(line)}"
            self._say(number, what, "give every column its cell")
            return None
        return self._entry(number, dict(zip(self._columns, cells, strict=True)))

    def _header(self, number: int, cells: list[str]) -> None:
        self._columns = cells
        unknown = [cell for cell in cells if cell not in COLUMNS]
        missing = [name for name in _REQUIRED if name not in cells]
        repeated = sorted({cell for cell in cells if cells.count(cell) > 1})
        if unknown or missing or repeated:
            named = ", ".join(shown(name) for name in [*unknown, *missing, *repeated])
            what = f"header with unknown, missing or repeated columns: {named}"
            self._say(number, what, f"known are: {','.join(COLUMNS)}")

    def _entry(self, number: int, cells: dict[str, str]) -> Entry | None:
        before = len(self._problems)
        values: dict[str, object] = {"line": number}
        for name, cell in cells.items():
            if cell:
                try:
                    values[name] = _value(name, cell)
                except ValueError as error:
                    self._say(number, f"{name}: {error}", "correct the cell")
            elif name in {"bank", "slot"}:
                self._say(number, f"{name} is empty", "every row names its bank and slot")
        if len(self._problems) > before:
            return None
        return Entry(**values)  # type: ignore[arg-type]


def _value(name: str, cell: str) -> object:
    if name == "mac":
        return MacAddress(cell) if _CANONICAL_MAC.fullmatch(cell) else parse_mac(cell)
    if name in {"bank", "slot"}:
        if not _NUMBER.fullmatch(cell):
            raise ValueError(f"not a number: {shown(cell)}")
        return int(cell)
    if name == "serial":
        return parse_serial(cell)
    if name == "state":
        return State(cell)
    if name == "address":
        parse_address(cell)
    elif name.endswith("_seen") and not _TIME.fullmatch(cell):
        raise ValueError(f"not a time like 2026-01-31T12:00:00Z: {shown(cell)}")
    elif not _PRINTABLE.fullmatch(cell):
        raise ValueError(f"control characters: {shown(cell)}")
    return cell


def _data_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.rstrip("\r")
        if stripped.strip() and not stripped.startswith("#"):
            yield number, stripped


def _cells(line: str) -> list[str] | None:
    if '"' not in line:
        return [cell.strip() for cell in line.split(",")]
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except (csv.Error, StopIteration):
        return None


def format_entry(entry: Entry) -> str:
    """One entry as a row of the file, without line ending."""
    buffer = io.StringIO()
    cells = [getattr(entry, name) for name in COLUMNS]
    csv.writer(buffer, lineterminator="").writerow(["" if cell is None else cell for cell in cells])
    return buffer.getvalue()


def render(before: str, entries: tuple[Entry, ...], *, title: str = "") -> str:
    """The text of a registry after a change.

    Args:
        before: the text so far, empty for a new file. Comments stay above the row they stand
            above; rows whose entry is unchanged keep their bytes. A header with other columns
            becomes the standard one, and then every row is written anew.
        entries: all entries it shall hold.
        title: comment line for a new file.

    Returns:
        The new text; rows that are new come in order of bank and slot.
    """
    rows, columns = _rows(before)
    old = {entry.key: entry for entry in _Reader(Path("-")).entries(before)} if columns else {}
    if not columns:
        rows = [*([_Row(f"# {title}")] if title else []), *rows, _Row(_HEADER)]
    elif columns != list(COLUMNS):
        rows = [_Row(_HEADER) if row.is_header else row for row in rows]
        old = {}
    wanted = {entry.key: entry for entry in entries}
    kept = []
    for row in rows:
        if row.key is None:
            kept.append(row)
        elif row.key in wanted:
            entry = wanted[row.key]
            same = row.key in old and _same(old[row.key], entry)
            kept.append(row if same else _Row(format_entry(entry), row.key))
    present = {row.key for row in kept}
    for key in sorted(set(wanted) - present):
        kept.insert(_place(kept, key), _Row(format_entry(wanted[key]), key))
    return "".join(row.text + "\n" for row in kept)


def _same(one: Entry, other: Entry) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in COLUMNS)


def _place(rows: list[_Row], key: Slot) -> int:
    """Index for a new row: after the last smaller key, else above the first one's comments."""
    at = len(rows)
    for i in range(len(rows) - 1, -1, -1):
        row_key = rows[i].key
        if row_key is not None and row_key < key:
            return i + 1
        if row_key is not None:
            at = i
            while at > 0 and rows[at - 1].text.startswith("#"):
                at -= 1
    return at


def _rows(text: str) -> tuple[list[_Row], list[str]]:
    """The lines of a file that parses, and the columns of its header (none in an empty file)."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    rows: list[_Row] = []
    columns: list[str] = []
    for raw in lines:
        line = raw.rstrip("\r")
        cells = [] if not line.strip() or line.startswith("#") else (_cells(line) or [])
        if not cells:
            rows.append(_Row(line))
        elif not columns:
            columns = cells
            rows.append(_Row(line, is_header=True))
        else:
            row = dict(zip(columns, cells, strict=False))
            rows.append(_Row(line, (int(row["bank"]), int(row["slot"]))))
    return rows, columns


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the only right to change a registry.

    The folder is what is locked: no file is left behind, and a killed process lets go of it.

    Raises:
        PiclusterError: another one holds it, or the folder cannot be opened.
    """
    folder = path.parent
    with os_errors("open the folder of the registry", folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise refusal(
                "another picluster is changing this registry", "wait for it, then repeat", file=path
            ) from None
        yield
    finally:
        os.close(handle)


def old_text(path: Path) -> str:
    """The text of a registry; empty where there is none."""
    return _read(path) if path.exists() else ""


def new_text(
    path: Path, entries: tuple[Entry, ...], *, fresh: bool = False, title: str = ""
) -> str:
    """The text a registry would get (see :func:`save_registry`)."""
    return render("" if fresh else old_text(path), entries, title=title)


def save_registry(
    path: Path, entries: tuple[Entry, ...], *, fresh: bool = False, title: str = ""
) -> None:
    """Replace a registry file atomically.

    Args:
        path: the file.
        entries: all entries it shall hold.
        fresh: forget the old text, its comments too.
        title: comment line for a new file.

    Raises:
        PiclusterError: the file cannot be written (full disk, permissions); the old one is whole.
    """
    write_atomically(path, new_text(path, entries, fresh=fresh, title=title))

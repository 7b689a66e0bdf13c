"""Read and write ``macs.csv``: comments and untouched rows stay byte for byte as they were."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import re
import stat
from bisect import bisect_left
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
_CANONICAL_MAC = re.compile(r"(?!00(?::00){5})[0-9a-f][02468ace](?::[0-9a-f]{2}){5}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
_BOM = "\ufeff"
_REQUIRED = ("bank", "slot", "mac")
_HEADER = ",".join(COLUMNS)


@dataclass(slots=True)
class _Row:
    """A line of the file: a comment (no key), or an entry with its text; a new one has no end."""

    text: str
    key: Slot | None = None
    is_header: bool = False
    end: str = ""


def load_registry(path: Path) -> Registry:
    """Read a registry; a file that does not exist is an empty one.

    Raises:
        PiclusterError: unreadable, no such column, or any row that is not of the form;
            with file, line, value and remedy for every offender.
    """
    text = old_text(path)
    entries = _Reader(path).entries(text) if text is not None else ()
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


class _Reader:
    """Parses the rows of one file; collects problems."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._problems: list[Problem] = []
        self._columns: list[str] = []
        self._bad_header = False

    def entries(self, text: str) -> tuple[Entry, ...]:
        """Parse the text; raise all problems at once."""
        found = []
        for number, line in _data_lines(text.removeprefix(_BOM)):
            entry = self._line(number, line)
            if entry is not None:
                found.append(entry)
            if self._columns and self._bad_header:
                break
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
            needed = ", ".join(_REQUIRED)
            what = f"header with unknown, missing or repeated columns: {named}"
            self._bad_header = True
            self._say(number, what, f"known are: {','.join(COLUMNS)}; {needed} are needed")

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
        if cell not in set(State):
            raise ValueError(f"not a state: {shown(cell)} (quarantined, spare or empty)")
        return State(cell)
    if name == "address":
        parse_address(cell)
    elif name.endswith("_seen") and not _TIME.fullmatch(cell):
        raise ValueError(f"not a time like 2026-01-31T12:00:00Z: {shown(cell)}")
    elif not cell.isprintable():
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
            becomes the standard one, and then every row is written anew. A byte order mark
            stays, and new rows end as the first line does.
        entries: all entries it shall hold; where they are those it holds, nothing changes.
        title: comment line for a new file.

    Returns:
        The new text; rows that are new come in order of bank and slot.
    """
    body = before.removeprefix(_BOM)
    end = "\r\n" if body.partition("\n")[0].endswith("\r") else "\n"
    rows, columns = _rows(body)
    old = {entry.key: entry for entry in _Reader(Path("-")).entries(body)} if columns else {}
    wanted = {entry.key: entry for entry in entries}
    if columns and wanted.keys() == old.keys() and all(_same(old[key], wanted[key]) for key in old):
        return before
    if not columns:
        rows = [*([_Row(f"# {title}")] if title and not rows else []), *rows, _Row(_HEADER)]
    elif columns != list(COLUMNS):
        rows = [_Row(_HEADER) if row.is_header else row for row in rows]
        old = {}
    kept = []
    for row in rows:
        if row.key is None:
            kept.append(row)
        elif row.key in wanted:
            entry = wanted[row.key]
            same = row.key in old and _same(old[row.key], entry)
            kept.append(row if same else _Row(format_entry(entry), row.key))
    present = {row.key for row in kept}
    new = [_Row(format_entry(wanted[key]), key) for key in sorted(set(wanted) - present)]
    mark = before[: len(before) - len(body)]
    return mark + "".join(row.text + (row.end or end) for row in _merged(kept, new))


def _same(one: Entry, other: Entry) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in COLUMNS)


def _merged(rows: list[_Row], new: list[_Row]) -> Iterator[_Row]:
    """Both, each new row after the last row with a smaller key, else above the first one's."""
    keyed = [i for i, row in enumerate(rows) if row.key is not None]
    least: list[Slot] = []  # of the keyed rows from each on; ascending
    for i in reversed(keyed):
        key = rows[i].key
        assert key is not None  # noqa: S101 - keyed
        least.append(min(key, least[-1]) if least else key)
    least.reverse()
    places: dict[int, list[_Row]] = {}
    for row in new:
        assert row.key is not None  # noqa: S101 - new rows are of entries
        after = bisect_left(least, row.key)
        at = keyed[after - 1] + 1 if after else _top(rows, keyed)
        places.setdefault(at, []).append(row)
    for i in range(len(rows) + 1):
        yield from places.get(i, ())
        yield from rows[i : i + 1]


def _top(rows: list[_Row], keyed: list[int]) -> int:
    """Index above the first row and its comments; the end when there is no row."""
    at = keyed[0] if keyed else len(rows)
    while keyed and rows[at - 1].text.startswith("#"):
        at -= 1
    return at


def _rows(text: str) -> tuple[list[_Row], list[str]]:
    """The lines of a file that parses, and the columns of its header (none in an empty file)."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    rows: list[_Row] = []
    columns: list[str] = []
    whole = text.count("\n")
    for number, raw in enumerate(lines):
        line = raw.rstrip("\r")
        end = raw[len(line) :] + "\n" if number < whole else ""
        cells = [] if not line.strip() or line.startswith("#") else (_cells(line) or [])
        if not cells:
            rows.append(_Row(line, end=end))
        elif not columns:
            columns = cells
            rows.append(_Row(line, is_header=True, end=end))
        else:
            row = dict(zip(columns, cells, strict=False))
            rows.append(_Row(line, (int(row["bank"]), int(row["slot"])), end=end))
    return rows, columns


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

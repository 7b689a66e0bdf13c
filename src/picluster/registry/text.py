"""The text of a registry after a change: what does not change keeps its bytes."""

from __future__ import annotations

import csv
import io
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from picluster.registry.model import Entry, Slot
from picluster.registry.rows import BOM, COLUMNS, HEADER, cells_of, parse_entries


@dataclass(slots=True)
class _Row:
    """A line of the file: a comment (no key), or an entry with its text; a new one has no end."""

    text: str
    key: Slot | None = None
    is_header: bool = False
    end: str = ""


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
    body = before.removeprefix(BOM)
    end = "\r\n" if body.partition("\n")[0].endswith("\r") else "\n"
    rows, columns = _rows(body)
    old = {entry.key: entry for entry in parse_entries(body, Path("-"))} if columns else {}
    wanted = {entry.key: entry for entry in entries}
    if columns and wanted.keys() == old.keys() and all(_same(old[key], wanted[key]) for key in old):
        return before
    if not columns:
        rows = [*([_Row(f"# {title}")] if title and not rows else []), *rows, _Row(HEADER)]
    elif columns != list(COLUMNS):
        rows = [_Row(HEADER) if row.is_header else row for row in rows]
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
        cells = [] if not line.strip() or line.startswith("#") else (cells_of(line) or [])
        if not cells:
            rows.append(_Row(line, end=end))
        elif not columns:
            columns = cells
            rows.append(_Row(line, is_header=True, end=end))
        else:
            row = dict(zip(columns, cells, strict=False))
            rows.append(_Row(line, (int(row["bank"]), int(row["slot"])), end=end))
    return rows, columns

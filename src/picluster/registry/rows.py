"""Parse the rows of ``macs.csv`` strictly, every offender named."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from picluster.errors import PiclusterError, Problem, shown
from picluster.mac import MacAddress, parse_mac, parse_serial
from picluster.net import parse_address
from picluster.registry.model import Entry, State

#: Columns of the file, in order.
COLUMNS = tuple(field.name for field in fields(Entry) if field.name != "line")
#: The standard header.
HEADER = ",".join(COLUMNS)
#: Byte order mark that some editors put before the text.
BOM = "\ufeff"

_CANONICAL_MAC = re.compile(r"(?!00(?::00){5})[0-9a-f][02468ace](?::[0-9a-f]{2}){5}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
_REQUIRED = ("bank", "slot", "mac")


def parse_entries(text: str, path: Path) -> tuple[Entry, ...]:
    """The entries of a registry's text, in order.

    Raises:
        PiclusterError: no such column, or any row that is not of the form; with file, line, value
            and remedy for every offender.
    """
    return _Reader(path).entries(text)


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
        for number, line in _data_lines(text.removeprefix(BOM)):
            entry = self._line(number, line)
            if entry is not None:
                found.append(entry)
            if self._columns and self._bad_header:
                break
        if not self._columns and not self._problems:
            self._say(1, "no header", f"begin with: {HEADER}")
        if self._problems:
            raise PiclusterError(self._problems)
        return tuple(found)

    def _say(self, line: int, what: str, remedy: str = "") -> None:
        self._problems.append(Problem(what, remedy, str(self._path), line))

    def _line(self, number: int, line: str) -> Entry | None:
        cells = cells_of(line)
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
            self._say(number, what, f"known are: {HEADER}; {needed} are needed")

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


def cells_of(line: str) -> list[str] | None:
    """The cells of one line, stripped; ``None`` where its quotes do not close."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(",")]
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except (csv.Error, StopIteration):
        return None

"""Wiring tables: which address sits behind which switch port."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from picluster.errors import PiclusterError, Problem, shown
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.switch.detect import kind_of, position_columns
from picluster.harvest.formats.switch.station import ipv4
from picluster.harvest.formats.switch.text import MAX_LINE
from picluster.harvest.observation import Fact, Position

_REMEDY = "correct the row or take it out"
_MOST_PROBLEMS = 1000
_LONGEST_NAME = 64


@dataclass(slots=True)
class PositionsFormat:
    """``side,bank,switch_ip,node_ip,switch_port`` and tables with the like columns."""

    name: str = "positions-csv"
    title: str = "CSV of switch, switch port and node address"
    streams: bool = False

    def matches(self, head: str) -> bool:
        """Whether the first line names a switch, a port and an address, and no MAC address."""
        return kind_of(head) == self.name

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield a position per row.

        Raises:
            PiclusterError: rows that are no position; all of them, with line and value.
        """
        positions: list[Position] = []
        problems: list[Problem] = []
        header: tuple[str, dict[str, int]] | None = None
        for number, raw in lines:
            text = raw.removeprefix("\ufeff")
            if not text.strip() or text.lstrip().startswith("#"):
                continue
            if header is None:
                header = position_columns(text)
                if header is None:
                    raise PiclusterError(
                        Problem(
                            f"no header of a positions table: {shown(text)}",
                            "name the columns switch_ip, node_ip and switch_port",
                            context.source,
                            number,
                        )
                    )
                continue
            found = _position(text, number, header, context)
            if isinstance(found, Position):
                positions.append(found)
            elif len(problems) < _MOST_PROBLEMS:
                problems.append(found)
        if problems:
            raise PiclusterError(problems)
        yield from positions


def _position(
    text: str, number: int, header: tuple[str, dict[str, int]], context: Context
) -> Position | Problem:
    delimiter, columns = header

    def problem(what: str) -> Problem:
        return Problem(what, _REMEDY, context.source, number)

    if len(text) > MAX_LINE:
        return problem(f"row of more than {MAX_LINE} characters")
    try:
        cells = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        return problem(f"broken row ({error}): {shown(text)}")
    if len(cells) <= max(columns.values()):
        return problem(f"row with {len(cells)} of {max(columns.values()) + 1} cells: {shown(text)}")
    switch, port, address = (cells[columns[key]].strip() for key in ("switch", "port", "address"))
    node = ipv4(address)
    if node is None:
        return problem(f"not an IPv4 address of a node: {shown(address)}")
    for what, name in (("switch", switch), ("switch port", port)):
        if not _is_name(name):
            return problem(f"not the name of a {what}: {shown(name)}")
    return Position(switch, port, node, context.source, number, context.modified)


def _is_name(text: str) -> bool:
    """Names reach reports and the registry: ASCII words and single blanks, no markup."""
    return 0 < len(text) <= _LONGEST_NAME and all(
        char.isascii() and (char.isalnum() or char in "._-:/@+ ") for char in text
    )

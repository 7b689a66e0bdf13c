"""CLI tables read with TextFSM: a template of ntc-templates, or one of our own, per dialect."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from textfsm import TextFSM, TextFSMError

from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.switch.bare import bare_row
from picluster.harvest.formats.switch.columns import read_header, read_ruler, split_row
from picluster.harvest.formats.switch.detect import header_kind, kind_of
from picluster.harvest.formats.switch.station import Cells, facts_of, not_understood
from picluster.harvest.formats.switch.text import MAC_LOOKING, Row, normal, read_rows, too_long
from picluster.harvest.observation import Fact

_HERE = files("picluster.harvest.formats.switch") / "templates"
_NTC = files("ntc_templates") / "templates"


@dataclass(slots=True)
class TableFormat:
    """A switch's CLI table (see :class:`~picluster.harvest.formats.base.Format`).

    A row the template does not take is read by the words of the header; what neither takes and
    may be a row becomes a remark.

    Attributes:
        name: what ``--format`` takes.
        title: one line for the list of formats.
        template: file name of the TextFSM template; ``ntc:`` in front for one of ntc-templates;
            empty: the header alone tells.
        columns: which template value is which cell of :class:`Cells`.
        banner: the header lines the template wants; stand in for whatever spacing and case the
            switch used. Empty: the header goes in, in lower case with single blanks.
        indent: what each row begins with in place of its own indentation: packaged templates
            differ in wanting blanks there.
        headless: the kind has no header; every line may be a row.
        wrapped: the port list of a row may go on in the next, indented line.
        phrases: patterns of ports with a blank in them, which would otherwise be two cells.
        codes: per cell, printed values that stand for another word.
        streams: never: a prompt behind a table can name its switch.
    """

    name: str
    title: str
    template: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    banner: tuple[str, ...] = ()
    indent: str = ""
    headless: bool = False
    wrapped: bool = False
    phrases: tuple[str, ...] = ()
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    streams: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Make the dialect known to files that begin with another."""
        _FORMS[self.name] = self

    def matches(self, head: str) -> bool:
        """Whether the first table in the text has this dialect's header."""
        return kind_of(head) == self.name

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield the table's stations and remarks, in order."""
        start = _Table(self, None) if self.headless else None
        table = start
        rows = read_rows(lines)
        title = ""
        for row in _joined(rows) if self.wrapped else rows:
            if found := _TITLE.fullmatch(normal(row.text)):
                title = row.text.split()[-1] if found["port"] else ""
            if row.prompt is not None:
                table, title = start, ""
            elif too_long(row):
                yield from not_understood(row, context)
            elif kind := header_kind(normal(row.text)):
                # a second capture in the same file may be another switch's
                table = _Table(_FORMS.get(kind, self), row.text, title)
            else:
                yield from _facts(table, row, context)


#: ProCurve's table of one port names the port in its title alone.
_TITLE = re.compile(
    r"status and counters - (?:port )?address table(?P<port> - [a-z]?\d\S*| - trk\d+)?"
)
_ONE_PORT = re.compile(r"\s*(?P<mac>[0-9a-f]{6}-[0-9a-f]{6})\s+(?P<vlan>\d{1,4})\s*", re.IGNORECASE)
#: Every dialect by its name.
_FORMS: dict[str, TableFormat] = {}


def _facts(table: _Table | None, row: Row, context: Context) -> Iterator[Fact]:
    found = table.feed(row.text) if table is not None else []
    if not found and (bare := bare_row(row.text)) is not None:
        found = [bare]
    if not found:
        yield from not_understood(row, context)
    for cells in found:
        yield from facts_of(cells, row, context)


class _Table:
    """One run over one table."""

    def __init__(self, form: TableFormat, header: str | None, port: str = "") -> None:
        self._form = form
        without = header is not None and "port" not in header.lower()
        self._port = port if without else None
        self._fsm: Any = TextFSM(io.StringIO(_template(form.template))) if form.template else None
        self._taken = 0
        self._roles = None if header is None else read_header(normal(header))
        self._ruler: tuple[int, ...] | None = None
        for line in form.banner or ([] if header is None else [normal(header)]):
            self._push(line)

    def feed(self, text: str) -> list[Cells]:
        """Give the rows the line completes; none when no rule takes it."""
        if not text.strip():
            return []
        if self._port is not None and (match := _ONE_PORT.fullmatch(text)):
            return [Cells(mac=match["mac"], port=self._port, vlan=match["vlan"], single=True)]
        for phrase in self._form.phrases:
            text = re.sub(phrase, _glued, text)
        records = self._push(self._form.indent + text.strip())
        found = [
            cells for record in records if MAC_LOOKING.fullmatch((cells := self._cells(record)).mac)
        ]
        if found or self._roles is None:
            return found
        if ruler := read_ruler(text):
            self._ruler = ruler
        by_header = split_row(self._roles, text.replace(_GLUE, " "), self._ruler)
        return [] if by_header is None else [by_header]

    def _push(self, line: str) -> list[dict[str, Any]]:
        if self._fsm is None:
            return []
        try:
            records: list[list[Any]] = self._fsm.ParseText(line + "\n", eof=False)
        except TextFSMError:  # the template's "Error" rule: the state stays, the caller reports
            return []
        new, self._taken = records[self._taken :], len(records)
        return [dict(zip(self._fsm.header, record, strict=True)) for record in new]

    def _cells(self, record: dict[str, Any]) -> Cells:
        cells = {}
        for cell, value in self._form.columns.items():
            found = str(record.get(value, "")).strip()
            cells[cell] = self._form.codes.get(cell, {}).get(found, found)
        port = cells.get("port", "")
        cells["port"] = port.replace(_GLUE, " ")
        return Cells(**{"mac": "", **cells}, single=_GLUE in port)  # type: ignore[arg-type]


#: Stands for a blank inside a cell; :func:`clean` leaves none of it in a line.
_GLUE = "\0"


def _glued(match: re.Match[str]) -> str:
    return " ".join(match[0].split()).replace(" ", _GLUE)


@cache
def _template(name: str) -> str:
    where = _NTC / name.removeprefix("ntc:") if name.startswith("ntc:") else _HERE / name
    return where.read_text(encoding="utf-8")


_MORE_PORTS = re.compile(r"\s{20,}[A-Za-z][\w/.-]*(?:[,\s]+[A-Za-z][\w/.-]*)*,?", re.ASCII)


def _joined(rows: Iterable[Row]) -> Iterator[Row]:
    """Append lines that hold nothing but further ports to the row they continue."""
    last: Row | None = None
    for row in rows:
        if last is not None and not too_long(row) and _MORE_PORTS.fullmatch(row.text):
            last = replace(last, text=f"{last.text.rstrip(',')},{row.text.strip()}")
            continue
        if last is not None:
            yield last
        last = row
    if last is not None:
        yield last

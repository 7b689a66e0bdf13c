"""UniFi switches over SSH: ``swctrl mac show``, and what ``port show`` and ``poe show`` add."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from picluster.errors import refusal
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.switch.columns import read_ruler
from picluster.harvest.formats.switch.detect import kind_of
from picluster.harvest.formats.switch.station import Cells, facts_of, not_understood, remark
from picluster.harvest.formats.switch.text import MAC_LOOKING, Row, normal, read_rows, too_long
from picluster.harvest.observation import Fact, Observation

_PORT_ROW = re.compile(r"\s*(?P<mark>@?U(?=\s)|@)?\s*(?P<port>\d{1,3})\s+[UD]/[UD]\s.*", re.ASCII)
_TOTAL = re.compile(r"total number of entries ?: ?(\d{1,6})")
_POE_HEADER = "port opmode hpmode pwrlimit"
#: What a firmware that prints no header is known to print.
_DEFAULT = ("port", "vlan", "mac-address")


@dataclass(slots=True)
class SwctrlFormat:
    """A capture with any of ``swctrl mac show``, ``port show`` and ``poe show``."""

    name: str = "unifi-swctrl"
    title: str = "UniFi switch: swctrl mac show, with port show for the uplinks"
    streams: bool = False

    def matches(self, head: str) -> bool:
        """Whether a header, a port row or a command of ``swctrl`` comes first."""
        return kind_of(head) == self.name

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield stations, with the uplink ports of ``port show`` marked, and remarks.

        Raises:
            PiclusterError: nothing but ``swctrl poe show``, which has no MAC addresses.
        """
        capture = _Capture(context)
        for row in read_rows(lines):
            capture.take(row)
        if capture.poe_line and not capture.useful:
            raise refusal(
                "output of swctrl poe show: it has no MAC addresses",
                "give the output of swctrl mac show",
                file=context.source,
                line=capture.poe_line,
            )
        for switch, fact in capture.facts:
            if isinstance(fact, Observation) and (switch, fact.port) in capture.uplinks:
                yield replace(fact, uplink=True)
            else:
                yield fact


class _Capture:
    """The state of reading one capture."""

    def __init__(self, context: Context) -> None:
        self.facts: list[tuple[str | None, Fact]] = []
        self.uplinks: set[tuple[str | None, str | None]] = set()
        self.poe_line = 0
        self.useful = False
        self._context = context
        self._names: tuple[str, ...] = _DEFAULT
        self._starts: tuple[int, ...] = ()
        self._rows = 0

    def take(self, row: Row) -> None:
        """Read one line."""
        if row.prompt is not None or too_long(row):
            if row.prompt is not None:
                self._names, self._starts, self._rows = _DEFAULT, (), 0
            else:
                self._add(row, not_understood(row, self._context))
            return
        line = normal(row.text)
        if line.startswith(_POE_HEADER):
            self.poe_line = self.poe_line or row.number
        elif "mac-address" in line and "port" in line.split():
            words = list(re.finditer(r"\S+", row.text))
            self._names = tuple(word[0].lower() for word in words)
            self._starts = tuple(word.start() for word in words)
            self._rows, self.useful = 0, True
        elif ruler := read_ruler(row.text):
            if len(ruler) == len(self._names):
                self._starts = ruler
        elif port := _PORT_ROW.fullmatch(row.text):
            self._port(port, row)
        elif total := _TOTAL.fullmatch(line):
            self._count(int(total[1]), row)
        elif MAC_LOOKING.search(row.text):
            self._station(row)

    def _add(self, row: Row, facts: Iterable[Fact]) -> None:
        self.facts.extend((row.switch, fact) for fact in facts)

    def _port(self, match: re.Match[str], row: Row) -> None:
        self.useful = True
        if "U" in (match["mark"] or ""):
            self.uplinks.add((row.switch, match["port"]))
            self._add(row, [remark(f"port {match['port']} is the uplink", row, self._context)])

    def _count(self, total: int, row: Row) -> None:
        if total != self._rows:
            text = f"the table says {total} entries, {self._rows} rows were found"
            self._add(row, [remark(text, row, self._context)])

    def _station(self, row: Row) -> None:
        self._rows += 1
        self.useful = True
        cells = _cells(row.text, self._names, self._starts)
        if cells is None:
            self._add(row, not_understood(row, self._context))
        else:
            self._add(row, facts_of(cells, row, self._context))


def _cells(text: str, names: tuple[str, ...], starts: tuple[int, ...]) -> Cells | None:
    """Cut a row: port, VLAN and MAC address are never empty, the cells behind them may be."""
    words = text.split()
    first = dict(zip(names, words[:3], strict=False))
    mac, port = first.get("mac-address", ""), first.get("port", "")
    if not MAC_LOOKING.fullmatch(mac) or not re.fullmatch(r"[\w/:-]{1,16}", port, re.ASCII):
        return None
    ends = (*starts[1:], len(text) + 1)
    cut = {
        name: text[start:end].strip() for name, start, end in zip(names, starts, ends, strict=False)
    }
    timed = all(re.fullmatch(r"\d{1,9}", cut.get(name, ""), re.ASCII) for name in ("uptime", "age"))
    return Cells(
        mac=mac,
        port=port,
        vlan=first.get("vlan", ""),
        type=cut.get("type", ""),
        age=cut["age"] if timed else "",
        # a long host name begins in the address's column
        address=cut.get("ip-address", "").partition(" ")[0],
    )

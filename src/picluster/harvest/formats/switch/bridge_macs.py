"""Linux bridges: ``brctl showmacs``, of BusyBox too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.switch.detect import kind_of
from picluster.harvest.formats.switch.station import Cells, facts_of, not_understood, remark
from picluster.harvest.formats.switch.text import read_rows, too_long
from picluster.harvest.observation import Fact

_ROW = re.compile(
    r"\s*(?P<port>\d{1,4})\s+(?P<mac>[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})\s+(?P<local>yes|no)"
    r"\s+(?P<age>\d{1,7})\.\d+",
    re.ASCII,
)


@dataclass(slots=True)
class BridgeMacsFormat:
    """Rows of port number, MAC address, whether it is the bridge's own, and age in seconds."""

    name: str = "bridge-macs"
    title: str = "Linux bridge: brctl showmacs; ports are the bridge's port numbers"
    streams: bool = False

    def matches(self, head: str) -> bool:
        """Whether the first table has the header of ``brctl showmacs``."""
        return kind_of(head) == self.name

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield stations and remarks."""
        for row in read_rows(lines):
            match = None if row.prompt or too_long(row) else _ROW.fullmatch(row.text)
            if match is None:
                if row.prompt is None:
                    yield from not_understood(row, context)
            elif match["local"] == "yes":
                text = f"{match['mac']} is an address of the bridge itself: not a station"
                yield remark(text, row, context)
            else:
                cells = Cells(mac=match["mac"], port=match["port"], age=match["age"])
                yield from facts_of(cells, row, context)

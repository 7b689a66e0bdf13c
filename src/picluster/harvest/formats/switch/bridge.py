"""Linux bridges: ``bridge fdb show`` as text and as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from picluster.errors import shown
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.switch.detect import kind_of
from picluster.harvest.formats.switch.json_text import Document, read_documents
from picluster.harvest.formats.switch.station import Cells, facts_of, not_understood, remark
from picluster.harvest.formats.switch.text import Row, read_rows, too_long
from picluster.harvest.observation import Fact

_ENTRY = re.compile(
    r"\s*(?P<mac>[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}) dev (?P<port>\S{1,64})(?P<rest>(?: .*)?)",
    re.ASCII,
)
_VLAN = re.compile(r" vlan (\d{1,4})(?: |$)")
_TUNNEL = re.compile(r" dst (\S{1,64})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One forwarding entry.

    Attributes:
        row: where it stands.
        mac: MAC address as printed.
        port: interface.
        vlan: VLAN tag or empty.
        master: the bridge itself holds it; otherwise only the interface does (``self``).
        permanent: an address of the machine itself.
        tunnel: the remote end it was learned from, or empty.
    """

    row: Row
    mac: str
    port: str
    vlan: str
    master: bool
    permanent: bool
    tunnel: str


def facts(entries: Iterable[Entry], context: Context) -> Iterator[Fact]:
    """Tell stations from leftovers.

    An interface's own entry (``self``) can outlive the station's move or its unplugging by
    minutes, so it counts only for a station the bridge has no entry for.
    """
    known = list(entries)
    masters: dict[tuple[str | None, str], Entry] = {}
    for entry in known:
        if entry.master and not entry.permanent:
            masters.setdefault((entry.row.switch, entry.mac.lower()), entry)
            masters[entry.row.switch, f"{entry.mac.lower()} {entry.port}"] = entry
    for entry in known:
        mac, switch = entry.mac.lower(), entry.row.switch
        master = masters.get((switch, f"{mac} {entry.port}")) or masters.get((switch, mac))
        if entry.permanent:
            yield remark(
                f"{entry.mac} is an address of {shown(entry.port)} itself: not a station",
                entry.row,
                context,
            )
        elif entry.tunnel:
            yield remark(
                f"{entry.mac} is behind the tunnel end {shown(entry.tunnel)}: no port",
                entry.row,
                context,
            )
        elif master is not None and not entry.master:
            yield remark(
                f"{entry.mac} at {shown(entry.port)} is the interface's own entry, which"
                f" can be stale; the bridge has it in line {master.row.number}",
                entry.row,
                context,
            )
        else:
            cells = Cells(mac=entry.mac, port=entry.port, vlan=entry.vlan)
            yield from facts_of(cells, entry.row, context)


@dataclass(slots=True)
class BridgeTextFormat:
    """``bridge fdb show``, ``master`` rows before ``self`` rows."""

    name: str = "bridge-fdb"
    title: str = "Linux bridge: bridge fdb show"
    streams: bool = False

    def matches(self, head: str) -> bool:
        """Whether the first row is one of ``bridge fdb``."""
        return kind_of(head) == self.name

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield stations and remarks; those not understood last."""
        entries: list[Entry] = []
        others: list[Row] = []
        for row in read_rows(lines):
            entry = None if row.prompt or too_long(row) else _entry(row)
            if entry is not None:
                entries.append(entry)
            elif row.prompt is None:
                others.append(row)
        yield from facts(entries, context)
        for row in others:
            yield from not_understood(row, context)


def _entry(row: Row) -> Entry | None:
    match = _ENTRY.fullmatch(row.text)
    if match is None:
        return None
    rest = match["rest"]
    words = set(rest.split())
    vlan, tunnel = _VLAN.search(rest), _TUNNEL.search(rest)
    return Entry(
        row=row,
        mac=match["mac"],
        port=match["port"],
        vlan=vlan[1] if vlan else "",
        master="master" in words,
        permanent="permanent" in words,
        tunnel=tunnel[1] if tunnel else "",
    )


@dataclass(slots=True)
class BridgeJsonFormat:
    """``bridge -j fdb show``."""

    name: str = "bridge-fdb-json"
    title: str = "Linux bridge: bridge -j fdb show"
    streams: bool = False

    def matches(self, head: str) -> bool:
        """Whether it is JSON with the keys of a bridge's forwarding entries."""
        return kind_of(head) == self.name

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield stations and remarks.

        Raises:
            PiclusterError: broken JSON, with line and reason.
        """
        document = read_documents(lines, context)
        yield from facts(_json_entries(document), context)


def _json_entries(document: Document) -> Iterator[Entry]:
    lines = document.mac_lines()
    for value in document.values:
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, dict) or not isinstance(item.get("mac"), str):
                continue
            flags = item.get("flags")
            vlan = item.get("vlan")
            yield Entry(
                row=Row(lines(item["mac"]), "", None, document.switch),
                mac=item["mac"],
                port=str(item.get("ifname", "")),
                vlan=str(vlan) if isinstance(vlan, int) and not isinstance(vlan, bool) else "",
                master="master" in item or (isinstance(flags, list) and "master" in flags),
                permanent=item.get("state") == "permanent",
                tunnel=str(item.get("dst", "")),
            )

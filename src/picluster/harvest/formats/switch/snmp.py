"""SNMP walks as text: BRIDGE-MIB and Q-BRIDGE-MIB forwarding tables, joined to port names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from picluster.errors import shown
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.switch.detect import kind_of
from picluster.harvest.formats.switch.snmp_lines import Binding, read_binding
from picluster.harvest.formats.switch.station import Cells, facts_of, not_understood, remark
from picluster.harvest.formats.switch.text import Row, read_rows, too_long
from picluster.harvest.observation import Fact
from picluster.mac import parse_mac

#: dot1dTpFdbStatus and dot1qTpFdbStatus values that are no stations.
_NO_STATION = {2: "invalid", 4: "self", 5: "management"}
#: Cisco walks one VLAN at a time: ``-c community@VLAN``.
_COMMUNITY_VLAN = re.compile(r"-c ?\S{1,64}@(\d{1,4})\b")


@dataclass(slots=True)
class _Entry:
    """A forwarding entry as far as the walk tells."""

    row: Row
    port: int | None = None
    status: int | None = None


@dataclass(slots=True)
class _Walk:
    """The tables of one switch, in one VLAN's context."""

    vlan: str = ""
    entries: dict[tuple[int | None, str], _Entry] = field(default_factory=dict)
    if_index: dict[int, int] = field(default_factory=dict)
    if_name: dict[int, str] = field(default_factory=dict)
    if_descr: dict[int, str] = field(default_factory=dict)
    vlans: dict[int, set[int]] = field(default_factory=dict)

    def port_name(self, bridge_port: int) -> str:
        """The interface's name, or the bridge port's number when the walk has no more."""
        index = self.if_index.get(bridge_port)
        if index is None:
            return str(bridge_port)
        return self.if_name.get(index) or self.if_descr.get(index) or str(bridge_port)

    def vlan_of(self, fdb: int | None) -> str:
        """The VLAN of a filtering database, when just one uses it."""
        mapped = self.vlans.get(fdb, set()) if fdb is not None else set()
        return str(next(iter(mapped))) if len(mapped) == 1 else self.vlan


@dataclass(slots=True)
class SnmpWalkFormat:
    """``snmpwalk`` output in any of its notations, and easysnmp's."""

    name: str = "snmp-walk"
    title: str = "SNMP walk of BRIDGE-MIB or Q-BRIDGE-MIB"
    streams: bool = False

    def matches(self, head: str) -> bool:
        """Whether the first row is an object of the bridge MIBs."""
        return kind_of(head) == self.name

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield stations and remarks; a station whose port is not in the text has no port."""
        walks: dict[tuple[str | None, str], _Walk] = {}
        vlan = ""
        remarks: list[Fact] = []
        for row in read_rows(lines):
            if row.prompt is not None:
                match = _COMMUNITY_VLAN.search(row.prompt.command)
                vlan = match[1] if match else ""
                continue
            binding = None if too_long(row) else read_binding(row.text)
            walk = walks.setdefault((row.switch, vlan), _Walk(vlan))
            if binding is None:
                remarks.extend(not_understood(row, context))
            elif problem := _take(walk, binding, row):
                remarks.append(remark(problem, row, context))
        for walk in walks.values():
            yield from _facts(_with_names(walk, walks), context)
        yield from remarks


def _take(walk: _Walk, binding: Binding, row: Row) -> str:
    """Put an object into its table; give what is wrong with it, or nothing."""
    index, number = binding.index, binding.integer()
    if index is None:
        if binding.name == "dot1dTpFdbAddress" and (mac := _mac(binding.value)):
            walk.entries.setdefault((None, mac), _Entry(row))
        return f"index printed as text loses octets: {shown(row.text)}; walk with -On"
    if "TpFdb" in binding.name:
        return _take_entry(walk, binding, row)
    if len(index) not in {1, 2}:
        return f"index of {len(index)} numbers: {shown(row.text)}"
    key = index[-1]
    if binding.name in {"ifName", "ifDescr"}:
        table = walk.if_name if binding.name == "ifName" else walk.if_descr
        table[key] = " ".join(binding.value.split())
    elif number is None:
        return f"not a number: {shown(row.text)}"
    elif binding.name == "dot1dBasePortIfIndex":
        walk.if_index[key] = number
    else:
        walk.vlans.setdefault(number, set()).add(key)
    return ""


def _take_entry(walk: _Walk, binding: Binding, row: Row) -> str:
    key = _entry_key(binding)
    if key is None:
        return f"not the index of a forwarding entry: {shown(row.text)}"
    entry = walk.entries.setdefault(key, _Entry(row))
    if binding.name == "dot1dTpFdbAddress":
        return _check_address(key[1], binding.value)
    number = binding.integer()
    if number is None:
        return f"not a number: {shown(row.text)}"
    if binding.name.endswith("Port"):
        entry.port, entry.row = number, row
    else:
        entry.status = number
    return ""


def _entry_key(binding: Binding) -> tuple[int | None, str] | None:
    """The filtering database and MAC address an index stands for.

    Zyxel puts the length of the MAC address in front of it.
    """
    index = binding.index or ()
    fdb: int | None = None
    if binding.name.startswith("dot1q"):
        if not index:
            return None
        fdb, index = index[0], index[1:]
    if len(index) == 7 and index[0] == 6:
        index = index[1:]
    if len(index) != 6 or max(index) > 255:
        return None
    return fdb, ":".join(f"{octet:02x}" for octet in index)


def _check_address(mac: str, value: str) -> str:
    found = _mac(value)  # None: a raw string of octets; the index is the address
    return "" if found in {None, mac} else f"index says {mac}, value says {shown(value)}"


def _mac(value: str) -> str | None:
    try:
        return parse_mac(value.strip().replace(" ", ":"))
    except ValueError:
        return None


def _with_names(walk: _Walk, walks: dict[tuple[str | None, str], _Walk]) -> _Walk:
    """Interface names are walked once per switch, not per VLAN."""
    for (switch, _), other in walks.items():
        if any(entry.row.switch == switch for entry in walk.entries.values()):
            walk.if_index = {**other.if_index, **walk.if_index}
            walk.if_name = {**other.if_name, **walk.if_name}
            walk.if_descr = {**other.if_descr, **walk.if_descr}
    return walk


def _facts(walk: _Walk, context: Context) -> Iterator[Fact]:
    unnamed = False
    for (fdb, mac), entry in walk.entries.items():
        if entry.status in _NO_STATION:
            text = f"{mac} has status {_NO_STATION[entry.status]}: not a station"
            yield remark(text, entry.row, context)
        elif entry.port == 0:
            yield remark(f"{mac} is at port 0, which is none: left out", entry.row, context)
        else:
            port = "" if entry.port is None else walk.port_name(entry.port)
            unnamed = unnamed or (entry.port is not None and entry.port not in walk.if_index)
            yield from facts_of(
                Cells(mac, port, walk.vlan_of(fdb), single=True), entry.row, context
            )
    if unnamed:
        first = next(entry.row for entry in walk.entries.values() if entry.port)
        yield remark(
            "ports are bridge port numbers; with dot1dBasePortIfIndex and ifName in the walk they"
            " get their names",
            first,
            context,
        )

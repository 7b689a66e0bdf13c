"""Enter wiring facts: which slot hangs on which port."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter

from picluster.cluster.model import Bank, Cluster, Switch
from picluster.cluster.ports import canonical_port, front_number, same_port
from picluster.errors import printable, shown
from picluster.harvest.observation import Position
from picluster.net import parse_address
from picluster.plan.build import port_of
from picluster.reconcile.model import Finding, Kind
from picluster.reconcile.text import source_name, stamp
from picluster.reconcile.wiring import SwitchNames, Wiring
from picluster.registry.model import Entry, Slot, node_name

_ORDER = ("source", "line", "address", "switch", "port")

_Row = tuple[Bank, int, Switch, Position]


def apply_positions(
    cluster: Cluster, entries: dict[Slot, Entry], positions: list[Position]
) -> list[Finding]:
    """Put the port of each position into its slot's entry.

    Args:
        cluster: the description.
        entries: by slot; changed in place where nothing speaks against it.
        positions: rows of position tables.

    Returns:
        What was not entered, with both sides.
    """
    return list(_Positions(cluster, entries).apply(positions))


class _Positions:
    def __init__(self, cluster: Cluster, entries: dict[Slot, Entry]) -> None:
        self._cluster = cluster
        self._names = SwitchNames(cluster)
        self._entries = entries
        self._wiring = Wiring(cluster, entries.values())

    def apply(self, positions: list[Position]) -> Iterator[Finding]:
        known: list[_Row] = []
        for position in sorted(positions, key=attrgetter(*_ORDER)):
            found = self._cluster.slot_at(parse_address(position.address))
            switch = self._names.find(position.switch)
            if found is None:
                here = f"slot address {position.address} {_side(position)}"
                remedy = "no bank has this address: correct the table or describe the bank"
                yield Finding(Kind.STRAY, position.address, (here,), remedy)
            elif switch is None:
                here = f"port {shown(position.port)} {_side(position)}"
                yield Finding(
                    Kind.UNKNOWN_SWITCH, shown(position.switch), (here,), "describe the switch"
                )
            else:
                known.append((*found, switch, position))
        disputed = _disputed(known)
        for row in known:
            if id(row[3]) in disputed:
                continue
            finding = self._enter(*row)
            if finding is not None:
                yield finding
        yield from dict.fromkeys(disputed.values())

    def _enter(self, bank: Bank, slot: int, switch: Switch, position: Position) -> Finding | None:
        key = (bank.number, slot)
        entry = self._entries.get(key) or Entry(*key)
        known = port_of(bank, entry)
        known_switch = entry.switch or bank.switch or switch.name
        if known and (known_switch != switch.name or not same_port(known, position.port)):
            side = f"port {known} of {known_switch} ({entry.port_from or 'description'})"
            return self._disagree(node_name(*key), side, switch, position)
        holder = self._wiring.holder(switch.name, position.port, key)
        if holder is not None:
            side = f"that port is {node_name(*holder)}'s"
            return self._disagree(node_name(*key), side, switch, position)
        if not known:
            self._wiring.add(switch.name, position.port, key)
            self._entries[key] = replace(
                entry,
                switch="" if bank.switch == switch.name else switch.name,
                port=position.port,
                port_from=source_name("positions", position.source),
                port_seen=stamp(position.seen),
            )
        return None

    @staticmethod
    def _disagree(node: str, side: str, switch: Switch, position: Position) -> Finding:
        sides = (side, f"port {shown(position.port)} of {switch.name} {_side(position)}")
        return Finding(Kind.WIRING, node, sides, "correct the registry's port or the table")


def _disputed(rows: list[_Row]) -> dict[int, Finding]:
    """A finding for each row that another row contradicts, by the position's ``id``.

    Two rows contradict each other when they give one slot two ports, or one port two slots.
    """
    slots: dict[tuple[int, int], list[_Row]] = defaultdict(list)
    ports: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for row in rows:
        slots[_slot(row)].append(row)
        switch, port = _port(row)
        for name in dict.fromkeys((port, front_number(port) or port)):
            ports[switch, name].append(row)
    found: dict[int, Finding] = {}
    for key, group in slots.items():
        switch, port = _port(group[0])
        if any(row[2].name != switch or not same_port(port, row[3].port) for row in group):
            found |= _mark(group, node_name(*key))
    for (switch, name), group in ports.items():
        named = any(_port(row)[1] == name for row in group)
        if named and len({_slot(row) for row in group}) > 1:
            found |= _mark(group, f"port {name} of {switch}")
    return found


def _slot(row: _Row) -> tuple[int, int]:
    return (row[0].number, row[1])


def _port(row: _Row) -> tuple[str, str]:
    return (row[2].name, canonical_port(row[3].port))


def _mark(group: list[_Row], subject: str) -> dict[int, Finding]:
    sides = tuple(
        f"{node_name(bank.number, slot)} on port {shown(position.port)} of {switch.name} "
        f"{_side(position)}"
        for bank, slot, switch, position in group
    )
    finding = Finding(Kind.WIRING, subject, sides, "correct the table and harvest it anew")
    return {id(row[3]): finding for row in group}


def _side(position: Position) -> str:
    return f"({printable(position.source)}:{position.line})"

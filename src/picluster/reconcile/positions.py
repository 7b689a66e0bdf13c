"""Enter wiring facts: which slot hangs on which port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

from picluster.cluster.model import Bank, Cluster, Switch
from picluster.cluster.ports import canonical_port, same_port
from picluster.errors import shown
from picluster.harvest.observation import Position
from picluster.net import parse_address
from picluster.plan.build import port_of
from picluster.plan.model import node_name
from picluster.reconcile.model import Finding, Kind
from picluster.reconcile.wiring import SwitchNames
from picluster.registry.model import Entry, Slot


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
        self._ports = dict(self._known_ports())

    def _known_ports(self) -> Iterator[tuple[tuple[str, str], Slot]]:
        for key, entry in self._entries.items():
            bank = self._cluster.bank(key[0])
            port = port_of(bank, entry) if bank else ""
            if bank and port:
                yield (entry.switch or bank.switch or "", canonical_port(port)), key

    def apply(self, positions: list[Position]) -> Iterator[Finding]:
        for position in positions:
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
                finding = self._enter(*found, switch, position)
                if finding is not None:
                    yield finding

    def _enter(self, bank: Bank, slot: int, switch: Switch, position: Position) -> Finding | None:
        key = (bank.number, slot)
        entry = self._entries.get(key) or Entry(*key)
        known = port_of(bank, entry)
        known_switch = entry.switch or bank.switch or switch.name
        if known and (known_switch != switch.name or not same_port(known, position.port)):
            side = f"port {known} of {known_switch} ({entry.port_from or 'description'})"
            return self._disagree(node_name(*key), side, switch, position)
        holder = self._ports.get((switch.name, canonical_port(position.port)))
        if holder is not None and holder != key:
            side = f"that port is {node_name(*holder)}'s"
            return self._disagree(node_name(*key), side, switch, position)
        if not known:
            self._ports[switch.name, canonical_port(position.port)] = key
            self._entries[key] = replace(
                entry,
                switch="" if bank.switch == switch.name else switch.name,
                port=position.port,
                port_from=f"positions:{PurePath(position.source).name}",
            )
        return None

    @staticmethod
    def _disagree(node: str, side: str, switch: Switch, position: Position) -> Finding:
        sides = (side, f"port {shown(position.port)} of {switch.name} {_side(position)}")
        return Finding(Kind.WIRING, node, sides, "correct the registry's port or the table")


def _side(position: Position) -> str:
    return f"({position.source}:{position.line})"

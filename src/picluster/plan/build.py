"""From description and registry to the address plan: a pure function, refusing as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from picluster.cluster.model import Bank, Cluster
from picluster.cluster.ports import canonical_port, front_number
from picluster.errors import PiclusterError, Problem, shown
from picluster.net import dotted, parse_address
from picluster.plan.layout import check_layout, fixed_addresses
from picluster.plan.model import AddressPlan, Node
from picluster.power.rules import order_problems
from picluster.registry.model import Entry, Registry, node_name


def build_plan(cluster: Cluster, registry: Registry) -> AddressPlan:
    """Give every pinned board its address.

    A node's address depends on its own bank and slot alone: adding, removing or reordering other
    boards changes nothing for it.

    Raises:
        PiclusterError: any two nodes that share a MAC address, address, slot or switch port; a
            bank or slot the description lacks; an address outside its bank, or one that the
            network, the head, a switch, a PDU or a boot server has; banks that overlap; a network
            too small; a power order that goes round in a circle. Every offender is named.
    """
    problems = [*check_layout(cluster), *order_problems(cluster)]
    problems += _Check(cluster, registry).problems()
    if problems:
        raise PiclusterError(problems)
    banks = {bank.number: bank for bank in cluster.banks}
    nodes = [_node(banks[entry.bank], entry) for entry in registry.entries if entry.mac is not None]
    nodes.sort(key=lambda node: (node.bank.number, node.slot))
    return AddressPlan(cluster, tuple(nodes), registry.sample)


def _node(bank: Bank, entry: Entry) -> Node:
    assert entry.mac is not None  # noqa: S101 - build_plan leaves empty slots out
    return Node(
        name=node_name(bank.number, entry.slot),
        bank=bank,
        slot=entry.slot,
        address=entry.address or dotted(bank.address(entry.slot)),
        mac=entry.mac,
        serial=entry.serial,
        switch=entry.switch or bank.switch or "",
        port=port_of(bank, entry),
        state=entry.state,
    )


def port_of(bank: Bank, entry: Entry) -> str:
    """The switch port of a slot: the registry's, else the description's, else empty."""
    if entry.port or not bank.ports:
        return entry.port
    return bank.ports[entry.slot - 1] if entry.slot <= len(bank.ports) else ""


class _Check:
    """Holds every entry against the cluster and against the others."""

    def __init__(self, cluster: Cluster, registry: Registry) -> None:
        self._cluster = cluster
        self._file = str(registry.path)
        self._entries = registry.entries
        self._banks = {bank.number: bank for bank in cluster.banks}
        self._switches = {switch.name for switch in cluster.switches}

    def problems(self) -> Iterator[Problem]:
        placed = []
        for entry in self._entries:
            problem = self._misplaced(entry)
            if problem is None:
                placed.append(entry)
            else:
                yield problem
        yield from self._shared(placed, "slot", lambda entry: entry.key, self._slot_text)
        boards = [entry for entry in placed if entry.mac is not None]
        yield from self._shared(boards, "MAC address", lambda entry: entry.mac, str)
        yield from self._shared(placed, "switch port", self._port_key, self._port_text)
        yield from self._alike(placed)
        unique = list({entry.key: entry for entry in placed}.values())
        addresses = {entry.key: self._address(entry) for entry in unique}
        yield from self._shared(unique, "address", lambda entry: addresses[entry.key], dotted)
        yield from self._taken(unique, addresses)

    def _misplaced(self, entry: Entry) -> Problem | None:
        bank = self._banks.get(entry.bank)
        if bank is None:
            known = _ranges(sorted(self._banks))
            what = f"bank {entry.bank} is not in the description ({known})"
            return self._problem(entry, what, "correct the row or describe the bank")
        if not 1 <= entry.slot <= bank.size:
            what = f"slot {entry.slot} of bank {entry.bank}, which has slots 1 to {bank.size}"
            return self._problem(entry, what, "correct the row or the bank's size")
        if entry.switch and entry.switch not in self._switches:
            what = f"switch {shown(entry.switch)} is not described"
            return self._problem(entry, what, "correct the cell or describe the switch")
        if entry.address and parse_address(entry.address) not in bank.block:
            what = f"address {entry.address} lies outside bank {entry.bank} ({bank.block})"
            return self._problem(entry, what, "leave the cell empty for the slot's own address")
        return None

    def _problem(self, entry: Entry, what: str, remedy: str) -> Problem:
        return Problem(what, remedy, self._file, entry.line or None)

    def _shared(
        self,
        entries: list[Entry],
        kind: str,
        key: Callable[[Entry], object],
        text: Callable[..., str],
    ) -> Iterator[Problem]:
        """One problem for each value that two entries or more have."""
        groups: dict[object, list[Entry]] = defaultdict(list)
        for entry in entries:
            value = key(entry)
            if value is not None:
                groups[value].append(entry)
        for value, group in groups.items():
            if len(group) > 1:
                where = ", ".join(_where(entry) for entry in group)
                yield self._problem(
                    group[1], f"{kind} {text(value)} is given to {where}", "keep one of them"
                )

    @staticmethod
    def _slot_text(key: tuple[int, int]) -> str:
        return node_name(*key)

    def _port_key(self, entry: Entry) -> tuple[str, str] | None:
        bank = self._banks[entry.bank]
        switch, port = entry.switch or bank.switch, port_of(bank, entry)
        return (switch, canonical_port(port)) if switch and port else None

    def _alike(self, entries: list[Entry]) -> Iterator[Problem]:
        """A port written as a bare number here and by the vendor's name there: one port."""
        groups: dict[tuple[str, str], list[tuple[str, Entry]]] = defaultdict(list)
        for entry in entries:
            key = self._port_key(entry)
            number = front_number(key[1]) if key else None
            if key is not None and number is not None:
                groups[key[0], number].append((key[1], entry))
        for (switch, number), group in groups.items():
            names = {name for name, _ in group}
            if number in names and len(names) > 1:
                where = ", ".join(f"{name} to {_where(entry)}" for name, entry in group)
                what = f"port {number} of {switch} has two names: {where}"
                yield self._problem(group[1][1], what, "keep one row, or write one kind of name")

    @staticmethod
    def _port_text(key: tuple[str, str]) -> str:
        return f"{key[1]} of {key[0]}"

    def _address(self, entry: Entry) -> int:
        if entry.address:
            return parse_address(entry.address)
        return self._banks[entry.bank].address(entry.slot)

    def _taken(
        self, entries: list[Entry], addresses: dict[tuple[int, int], int]
    ) -> Iterator[Problem]:
        owners = fixed_addresses(self._cluster)
        for entry in entries:
            owner = owners.get(addresses[entry.key])
            if owner is not None:
                what = f"{_where(entry)} would get {dotted(addresses[entry.key])}, which is {owner}"
                yield self._problem(entry, what, "move the one or the other")


def _where(entry: Entry) -> str:
    name = node_name(entry.bank, entry.slot)
    return f"{name} (line {entry.line})" if entry.line else name


def _ranges(numbers: list[int]) -> str:
    return f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])

"""From the address plan to the power model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from picluster.cluster.model import Bank, Cluster, Feed, Pdu, SupplyEntry
from picluster.cluster.ports import front_number
from picluster.plan.model import AddressPlan, Node
from picluster.power.model import Circuit, Kind, Limits, Load, Outlet, PowerModel, Supply
from picluster.power.rules import rules_of, supply_entries

#: The driver whose outlets are ports of a switch.
POE = "unifi_poe"


def build_power(plan: AddressPlan) -> PowerModel:
    """What feeds what: supplies described, banks with an outlet of their own, boards fed by PoE.

    A bank whose PDU is of driver ``unifi_poe`` and that names no outlet is fed board by board: the
    outlet is the switch port of the slot, as the registry or the description knows it.
    """
    cluster = plan.cluster
    by_bank: dict[int, list[Node]] = defaultdict(list)
    for node in plan.nodes:
        by_bank[node.bank.number].append(node)
    supplies = [_supply(cluster, by_bank, entry) for entry in supply_entries(cluster)]
    supplies += _poe_supplies(plan)
    limits = Limits(cluster.power.max_banks_on, cluster.power.stagger_s, cluster.power.off_s)
    return PowerModel(
        cluster=cluster.name,
        supplies={supply.outlet: supply for supply in sorted(supplies, key=lambda s: s.outlet)},
        circuits=_circuits(cluster, supplies),
        rules=rules_of(cluster),
        limits=limits,
        pdus={pdu.name: _complete(cluster, pdu) for pdu in cluster.pdus},
        servers=tuple(server.name for server in cluster.servers),
    )


def _supply(cluster: Cluster, nodes: Mapping[int, list[Node]], entry: SupplyEntry) -> Supply:
    loads = tuple(_load(cluster, nodes, feed) for feed in entry.feeds)
    slots = sum(len(load.slots) for load in loads)
    watts = cluster.power.board_watts * slots if entry.watts is None else entry.watts
    return Supply(entry.name, Outlet(entry.pdu, entry.outlet), loads, watts)


def _load(cluster: Cluster, nodes: Mapping[int, list[Node]], feed: Feed) -> Load:
    if feed.bank is None:
        return Load(feed.name, _kind(cluster, feed.name))
    slots = feed.slots or tuple(range(1, cluster.bank(feed.bank).size + 1))
    wanted = frozenset(slots)
    names = tuple(node.name for node in nodes.get(feed.bank, ()) if node.slot in wanted)
    return Load(feed.name, Kind.BANK, feed.bank, slots, names)


def _kind(cluster: Cluster, name: str) -> Kind:
    if any(server.name == name for server in cluster.servers):
        return Kind.SERVER
    return Kind.SWITCH if any(switch.name == name for switch in cluster.switches) else Kind.PDU


def _poe_supplies(plan: AddressPlan) -> Iterator[Supply]:
    poe = {pdu.name for pdu in plan.cluster.pdus if pdu.driver == POE}
    for node in plan.nodes:
        pdu, number = node.bank.pdu, front_number(node.port) if node.port else None
        if pdu in poe and node.bank.outlet is None and number is not None:
            load = Load(
                f"bank_{node.bank.number}", Kind.BANK, node.bank.number, (node.slot,), (node.name,)
            )
            watts = plan.cluster.power.board_watts
            yield Supply(node.name, Outlet(pdu or "", int(number)), (load,), watts)


def _circuits(cluster: Cluster, supplies: list[Supply]) -> tuple[Circuit, ...]:
    used = {supply.outlet for supply in supplies}
    return tuple(
        Circuit(
            entry.name,
            entry.amperes,
            entry.volts,
            frozenset(
                outlet
                for outlet in used
                if (outlet.pdu, outlet.number) in entry.outlets
                or (outlet.pdu, None) in entry.outlets
            ),
        )
        for entry in cluster.circuits
    )


def _complete(cluster: Cluster, pdu: Pdu) -> Pdu:
    """A PDU with what follows from the rest of the description filled in."""
    if pdu.driver != POE:
        return pdu
    controllers = [controller.name for controller in cluster.controllers]
    controller = pdu.controller or (controllers[0] if len(controllers) == 1 else None)
    fed: list[Bank] = [bank for bank in cluster.banks if bank.pdu == pdu.name]
    switches = {bank.switch for bank in fed if bank.switch is not None}
    switch = pdu.switch or (switches.pop() if len(switches) == 1 else None)
    return replace(pdu, controller=controller, switch=switch)

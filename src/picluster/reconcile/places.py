"""Where boards sit, as far as the switches agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from picluster.cluster.model import Cluster
from picluster.cluster.ports import canonical_port
from picluster.errors import printable, shown
from picluster.harvest.ledger import Sighting, earliest
from picluster.harvest.observation import Kind as Source
from picluster.mac import MacAddress
from picluster.reconcile.model import Finding, Kind
from picluster.reconcile.text import side
from picluster.reconcile.wiring import Port, SwitchNames, one_name

#: More MAC addresses than this behind a port, and it leads to another switch.
_PORT_MACS = 2

_LISTED = 5

_Table = dict[Port, dict[MacAddress, Sighting]]


@dataclass(slots=True)
class Places:
    """The outcome: at most one port for each board.

    Attributes:
        ports: sighting by which each undisputed board is placed.
        findings: what forbids placing the others.
        disputed: boards that a finding here is about.
    """

    ports: dict[MacAddress, tuple[str, Sighting]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    disputed: set[MacAddress] = field(default_factory=set)


def find_places(cluster: Cluster, by_mac: dict[MacAddress, list[Sighting]]) -> Places:
    """Place every board that is seen on exactly one port which carries no other board."""
    places = Places()
    table = _table(cluster, by_mac, places)
    homes = _homes(cluster, table)
    crowded = _crowded(cluster, table, homes, places)
    for mac, ports in homes.items():
        if not crowded.isdisjoint(ports):
            places.disputed.add(mac)
        elif len(ports) > 1:
            _two_ports(mac, ports, places)
        else:
            (switch, _), sighting = next(iter(ports.items()))
            places.ports[mac] = (switch, sighting)
    return places


def _homes(cluster: Cluster, table: _Table) -> dict[MacAddress, dict[Port, Sighting]]:
    """Every port of every board, boards in ascending order."""
    homes: dict[MacAddress, dict[Port, Sighting]] = defaultdict(dict)
    for port, sightings in sorted(table.items()):
        for mac, sighting in sightings.items():
            if cluster.is_board(mac):
                homes[mac][port] = sighting
    return dict(sorted(homes.items()))


def _table(cluster: Cluster, by_mac: dict[MacAddress, list[Sighting]], places: Places) -> _Table:
    """What stands on every port that is no uplink."""
    names = SwitchNames(cluster)
    table: _Table = defaultdict(dict)
    unknown: dict[str, list[MacAddress]] = defaultdict(list)
    for mac, sightings in by_mac.items():
        for sighting in sightings:
            fact = sighting.fact
            if fact.kind is not Source.SWITCH or fact.port is None:
                continue
            switch = names.find(fact.switch)
            if switch is None:
                if cluster.is_board(mac):
                    unknown[_unnamed(sighting)].append(mac)
                    places.disputed.add(mac)
            elif not fact.uplink and not switch.is_uplink(fact.port):
                table[switch.name, canonical_port(fact.port)].setdefault(mac, sighting)
    for said, macs in sorted(unknown.items()):
        count = len(set(macs))
        what = f"{said}: {count} board{'s' if count > 1 else ''} on its ports"
        remedy = "describe the switch, or say which it is: SWITCH=FILE"
        places.findings.append(Finding(Kind.UNKNOWN_SWITCH, what, _some(set(macs)), remedy))
    return _merged(table)


def _merged(table: _Table) -> _Table:
    """The table with one name for each port, however the sources write it."""
    names: dict[str, set[str]] = defaultdict(set)
    for switch, port in table:
        names[switch].add(port)
    called = {switch: one_name(ports) for switch, ports in names.items()}
    merged: _Table = defaultdict(dict)
    for (switch, port), sightings in sorted(table.items()):
        row = merged[switch, called[switch][port]]
        for mac, sighting in sightings.items():
            row[mac] = earliest(row.get(mac, sighting), sighting)
    return merged


def _unnamed(sighting: Sighting) -> str:
    fact = sighting.fact
    return (
        f"{printable(fact.source)} names no switch" if fact.switch is None else shown(fact.switch)
    )


def _some(macs: Iterable[MacAddress]) -> tuple[str, ...]:
    ordered = sorted(macs)
    more = (f"and {len(ordered) - _LISTED} more",) if len(ordered) > _LISTED else ()
    return (*ordered[:_LISTED], *more)


def _crowded(
    cluster: Cluster,
    table: _Table,
    homes: dict[MacAddress, dict[Port, Sighting]],
    places: Places,
) -> set[Port]:
    """Ports whose boards cannot be placed: several boards, or one among many strangers."""
    crowded = set[Port]()
    for port, sightings in sorted(table.items()):
        boards = sorted(mac for mac in sightings if cluster.is_board(mac))
        if not boards or (len(boards) == 1 and len(sightings) <= _PORT_MACS):
            continue
        crowded.add(port)
        sides = [_crowd_side(mac, port, homes[mac]) for mac in boards[:_LISTED]]
        if len(boards) > _LISTED:
            sides.append(f"and {len(boards) - _LISTED} more boards")
        places.findings.append(_crowd(port, len(boards), len(sightings), tuple(sides)))
    return crowded


def _crowd_side(mac: MacAddress, port: Port, home: dict[Port, Sighting]) -> str:
    others = "".join(
        f", also on port {other[1]} of {other[0]} {side(sighting)}"
        for other, sighting in sorted(home.items())
        if other != port
    )
    return f"{mac} {side(home[port])}{others}"


def _crowd(port: Port, boards: int, macs: int, sides: tuple[str, ...]) -> Finding:
    what = f"port {port[1]} of {port[0]}: {boards} boards, {macs} MAC addresses"
    if macs > _PORT_MACS:
        remedy = f"if it is an uplink, add {port[1]!a} to uplinks of {port[0]} in the description"
        return Finding(Kind.UPLINK, what, sides, remedy)
    remedy = "unplug one, or harvest the table anew once the old entry has aged out"
    return Finding(Kind.SHARED_PORT, what, sides, remedy)


def _two_ports(mac: MacAddress, ports: dict[Port, Sighting], places: Places) -> None:
    sides = tuple(f"port {port[1]} of {port[0]} {side(s)}" for port, s in sorted(ports.items()))
    remedy = "harvest both switches anew; if one port is an uplink, describe it as one"
    places.findings.append(Finding(Kind.TWO_PORTS, mac, sides, remedy))
    places.disputed.add(mac)

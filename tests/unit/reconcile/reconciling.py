"""A small cluster, and short words for what was seen in it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from picluster.cluster.model import Bank, Cluster, Server, Switch
from picluster.harvest.ledger import Ledger
from picluster.harvest.observation import Fact, Kind, Observation, Position
from picluster.mac import MacAddress, parse_mac
from picluster.net import Ipv4Block, parse_address
from picluster.reconcile.model import Finding, Outcome
from picluster.reconcile.reconcile import reconcile
from picluster.registry.model import Entry, Registry

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
STAMP = "2026-01-31T12:00:00Z"

A, B, C, D = (MacAddress(f"b8:27:eb:00:00:0{digit}") for digit in "abcd")
FOREIGN = MacAddress("00:11:22:33:44:55")


def bank(number: int, *, ports: str = "1 2 3", switch: str | None = None) -> Bank:
    return Bank(
        number=number,
        block=Ipv4Block(parse_address(f"172.20.{number}.0"), 24),
        size=3,
        boot_server="head",
        image="current",
        switch=switch or f"sw-{number}",
        ports=tuple(ports.split()),
    )


CLUSTER = Cluster(
    path=Path("small.picluster.yml"),
    name="small",
    network=Ipv4Block(parse_address("172.20.0.0"), 16),
    head=Server("head", parse_address("172.20.0.10"), "eth1"),
    banks=(bank(1), bank(2), bank(3, ports="")),
    canary_bank=1,
    domain_name="small.internal",
    registry=Path("macs.csv"),
    switches=(
        Switch("sw-1", parse_address("172.20.0.21"), parse_mac("78:8a:20:00:00:01"), ("48",)),
        Switch("sw-2", parse_address("172.20.0.22"), None, ("48",)),
        Switch("sw-3", None, None, ()),
    ),
)


def seen(
    mac: str, port: str | None = None, switch: str | None = "sw-1", **changes: object
) -> Observation:
    """A row of a switch's table: line 1 of the switch's file, without a time."""
    fact = Observation(
        parse_mac(mac), Kind.SWITCH, f"in/{switch}.txt", line=1, switch=switch, port=port
    )
    return replace(fact, **changes)  # type: ignore[arg-type]


def leased(mac: str, address: str | None = None, **changes: object) -> Observation:
    """A line of a DHCP server's log, at noon."""
    fact = Observation(
        parse_mac(mac), Kind.DHCP, "dhcpd.log", line=9, seen=NOON, address=address, event="offer"
    )
    return replace(fact, **changes)  # type: ignore[arg-type]


def wired(address: str, switch: str, port: str, line: int = 2) -> Position:
    return Position(switch, port, address, "rack.csv", line, NOON)


def ledger(*facts: Fact) -> Ledger:
    found = Ledger()
    for fact in facts:
        found.add(fact)
    return found


def run(
    facts: list[Fact],
    entries: tuple[Entry, ...] = (),
    *,
    moves: tuple[MacAddress, ...] = (),
    assign: tuple[int, ...] = (),
    cluster: Cluster = CLUSTER,
) -> Outcome:
    registry = Registry(Path("macs.csv"), entries)
    return reconcile(cluster, registry, ledger(*facts), moves=frozenset(moves), assign=assign)


def pin(bank_: int, slot: int, mac: MacAddress | None, **values: object) -> Entry:
    return replace(Entry(bank_, slot, mac), **values)  # type: ignore[arg-type]


def said(findings: tuple[Finding, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Kind, subject and sides of each finding."""
    return [(finding.kind.name, finding.what, finding.sides) for finding in findings]

"""What a reconciliation works on."""

from __future__ import annotations

from collections.abc import Iterable

from picluster.cluster.model import Cluster
from picluster.harvest.ledger import Ledger, Sighting
from picluster.mac import MacAddress
from picluster.net import parse_address
from picluster.plan.layout import fixed_addresses
from picluster.reconcile.model import Finding, Kind
from picluster.reconcile.text import side
from picluster.registry.model import Entry, Registry, Slot, node_name


class State:
    """One reconciliation under way.

    Attributes:
        before: entries of the registry by slot.
        entries: entries as they will be, by slot.
        by_mac: sightings of each MAC address, ascending.
        fixed: addresses that are no slot's, and whose they are.
        findings: what was found so far.
    """

    def __init__(self, cluster: Cluster, registry: Registry, ledger: Ledger) -> None:
        self.cluster = cluster
        self.before: dict[Slot, Entry] = {entry.key: entry for entry in registry.entries}
        self.entries = dict(self.before)
        self.ledger = ledger
        self.by_mac = ledger.by_mac()
        self.fixed = fixed_addresses(cluster)
        self.findings: list[Finding] = []

    def slots(self) -> dict[MacAddress, Slot]:
        """The slot of each pinned board."""
        return {e.mac: key for key, e in self.entries.items() if e.mac is not None}

    def say(self, kind: Kind, what: str, sides: Iterable[str] = (), remedy: str = "") -> None:
        """Add a finding."""
        self.findings.append(Finding(kind, what, tuple(sides), remedy))

    def owner_text(self, address: str) -> str:
        """``, the address of NODE`` for an address of a slot, else nothing."""
        found = self.cluster.slot_at(parse_address(address))
        return f", the address of {node_name(found[0].number, found[1])}" if found else ""

    def seen_text(self, sighting: Sighting) -> str:
        """A sighting with its address, for people."""
        address = sighting.fact.address
        where = f"with {address}{self.owner_text(address)} " if address else ""
        return f"seen {where}{side(sighting)}"

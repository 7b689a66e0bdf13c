"""Facts of all sources, merged: memory grows with boards, not with the length of a log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from picluster.errors import refusal
from picluster.harvest.observation import Fact, Observation, Position, Remark
from picluster.mac import MacAddress

#: Distinct facts one harvest may hold: four for each node of a /16.
FACT_LIMIT = 262_144
_REMARK_LIMIT = 1000

_Key = tuple[object, ...]


@dataclass(slots=True)
class Sighting:
    """Equal observations, merged.

    Attributes:
        fact: the earliest of them; in doubt the one of the lowest line.
        first, last: earliest and latest time seen, aware UTC, or ``None`` where no time is known.
        times: how many there were.
    """

    fact: Observation
    first: datetime | None
    last: datetime | None
    times: int = 1

    def add(self, fact: Observation) -> None:
        """Merge one more."""
        self.times += 1
        if _rank(fact) < _rank(self.fact):
            self.fact = fact
        if fact.seen is not None:
            self.first = min(self.first or fact.seen, fact.seen)
            self.last = max(self.last or fact.seen, fact.seen)


_LATEST = datetime.max.replace(tzinfo=UTC)


def _rank(fact: Observation) -> tuple[datetime, str, int, str]:
    return (fact.seen or _LATEST, fact.source, fact.line or 0, fact.vlan or "")


def _order(sighting: Sighting) -> tuple[object, ...]:
    """Earliest first; what is left of the order is of no meaning but the same every time."""
    fact = sighting.fact
    texts = (fact.switch, fact.port, fact.address, fact.serial, fact.kind, fact.event)
    return (*_rank(fact), *((text or "") for text in texts), fact.uplink)


def earliest(one: Sighting, other: Sighting) -> Sighting:
    """The one seen first; of two without a difference in time always the same one."""
    return min(one, other, key=_order)


@dataclass(slots=True)
class Ledger:
    """Everything a harvest saw."""

    positions: list[Position] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    more_remarks: int = 0
    _sightings: dict[_Key, Sighting] = field(default_factory=dict)

    def add(self, fact: Fact) -> None:
        """Take one fact in.

        Raises:
            PiclusterError: more distinct facts than any cluster has; the source is not sane.
        """
        if isinstance(fact, Observation):
            self._observe(fact)
        elif isinstance(fact, Position):
            self.positions.append(fact)
            self._check(len(self.positions), fact.source)
        elif len(self.remarks) < _REMARK_LIMIT:
            self.remarks.append(fact)
        else:
            self.more_remarks += 1

    def _observe(self, fact: Observation) -> None:
        key = (
            fact.mac, fact.kind, fact.source, fact.switch, fact.port, fact.vlan, fact.uplink,
            fact.address, fact.serial,
        )  # fmt: skip
        sighting = self._sightings.get(key)
        if sighting is not None:
            sighting.add(fact)
            return
        self._sightings[key] = Sighting(fact, fact.seen, fact.seen)
        self._check(len(self._sightings), fact.source)

    @staticmethod
    def _check(count: int, source: str) -> None:
        if count > FACT_LIMIT:
            raise refusal(
                f"more than {FACT_LIMIT} different facts", "is this a table of boards?", file=source
            )

    def sightings(self) -> Iterator[Sighting]:
        """All sightings in the order first seen."""
        return iter(self._sightings.values())

    def by_mac(self) -> dict[MacAddress, list[Sighting]]:
        """Sightings of each MAC address, earliest first, MAC addresses in ascending order.

        The order in which sources were read changes nothing.
        """
        grouped: dict[MacAddress, list[Sighting]] = {}
        for sighting in self._sightings.values():
            grouped.setdefault(sighting.fact.mac, []).append(sighting)
        return {mac: sorted(grouped[mac], key=_order) for mac in sorted(grouped)}

"""How sides of a disagreement are written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePath

from picluster.errors import printable
from picluster.harvest.ledger import Sighting
from picluster.registry.model import Entry


def stamp(time: datetime | None) -> str:
    """ISO 8601 UTC to the second, empty for no time."""
    return "" if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def provenance(sighting: Sighting) -> str:
    """The source of a sighting as the registry keeps it, ``switch:sw-11.txt``."""
    return source_name(sighting.fact.kind, sighting.fact.source)


def source_name(kind: str, source: str) -> str:
    """A source in one short printable word: a file's name may hold anything but ``/``."""
    name = PurePath(source).name
    return f"{kind}:{printable(name)}".strip()


def side(sighting: Sighting) -> str:
    """Source, line and times of a sighting, for people."""
    fact = sighting.fact
    line = f":{fact.line}" if fact.line is not None else ""
    first, last = stamp(sighting.first), stamp(sighting.last)
    span = first if first == last or not last else f"{first} to {last}"
    return f"({printable(fact.source)}{line}{', ' + span if span else ''})"


def pinned(entry: Entry) -> str:
    """Source and time of a pinned board, for people."""
    known = ", ".join(part for part in (entry.mac_from, entry.mac_seen) if part)
    where = f"registry line {entry.line}" if entry.line else "registry"
    return f"({where}{': ' + known if known else ''})"

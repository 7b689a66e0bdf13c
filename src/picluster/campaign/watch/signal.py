"""What one log line says, before anybody knows whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from picluster.campaign.events import Health, Sign, Work

_SHOWN = 240


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing said by a daemon.

    Attributes:
        sign: what.
        mac: the MAC address it is about, canonical, or ``None``.
        address: the address it is about, dotted quad, or ``None``.
        name: the node's name as the line gives it, or empty.
        detail: see :class:`picluster.campaign.events.Event`.
        reason: see there.
        boot: boot id.
        health: what the node said of itself.
        server: the DHCP server a client chose, dotted quad, or ``None``.
        work: see :class:`picluster.campaign.events.Event`.
        image: see there.
    """

    sign: Sign
    mac: str | None = None
    address: str | None = None
    name: str = ""
    detail: str = ""
    reason: str = ""
    boot: str = ""
    health: Health | None = None
    server: str | None = None
    work: Work | None = None
    image: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is not believed, or that its own daemon has refused.

    Attributes:
        why: a short kind, to count by.
        address: of a message that the head refused: where it came from.
        mac: of the same: who it says it is, where it is not the address's owner.
    """

    why: str
    address: str | None = None
    mac: str | None = None


def printable(text: str, limit: int = _SHOWN) -> str:
    """Text from outside on one line: escaped where a terminal would not print it, and bounded."""
    clean = text if text.isprintable() else _escaped(text)
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"


@lru_cache(maxsize=256)
def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)

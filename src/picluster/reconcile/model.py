"""What comes out of a reconciliation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from picluster.registry.model import Entry, Slot, node_name


class Kind(StrEnum):
    """What a finding is about."""

    TWO_PORTS = "MAC address on two ports"
    SHARED_PORT = "port with several boards"
    UPLINK = "port that carries other ports' boards"
    MOVED = "board moved"
    SLOT_TAKEN = "slot taken by another board"
    WIRING = "wiring disagrees"
    STRAY = "stray address"
    SERIAL = "serial disagrees"
    FOREIGN = "foreign OUI"
    UNKNOWN_SWITCH = "switch not described"
    NO_SLOT = "port of no slot"
    UNPLACED = "board without a place"
    REMARK = "left out"


#: Findings that say what was seen and ask for nothing to be settled.
NOTICES = frozenset({Kind.FOREIGN, Kind.UNPLACED, Kind.REMARK})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the harvest does not decide.

    Attributes:
        kind: what it is about.
        what: the subject, ``b8:27:eb:12:34:56`` or ``port 7 of sw-11``.
        sides: each side of the matter with its source and time.
        remedy: what the user can do.
    """

    kind: Kind
    what: str
    sides: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def disputed(self) -> bool:
        """Whether it is a disagreement, and no mere notice."""
        return self.kind not in NOTICES


@dataclass(frozen=True, slots=True)
class Change:
    """A slot whose entry changes; one of both sides may be ``None``."""

    before: Entry | None
    after: Entry | None

    @property
    def key(self) -> Slot:
        """(bank, slot)."""
        entry = self.after or self.before
        assert entry is not None  # noqa: S101 - a change has a side
        return entry.key

    @property
    def node(self) -> str:
        """Name of the slot's node."""
        return node_name(*self.key)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a reconciliation.

    Attributes:
        entries: the whole registry as it would be.
        changes: by bank and slot.
        findings: disagreements and notices, in order of discovery.
        seen: slots whose pinned board was seen.
    """

    entries: tuple[Entry, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    seen: frozenset[Slot]

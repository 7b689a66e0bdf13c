"""The registry: which board is pinned in which slot, and where each fact came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from picluster.mac import MacAddress

Slot = tuple[int, int]  # (bank number, slot)


class State(StrEnum):
    """What a slot's board is used for."""

    ACTIVE = ""
    QUARANTINED = "quarantined"
    SPARE = "spare"


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot of the registry. Times are ISO 8601 UTC, ``2026-01-31T12:00:00Z``.

    Attributes:
        bank: bank number.
        slot: slot in the bank, from 1.
        mac: the pinned board; ``None`` for a slot whose wiring is known and that is empty.
        serial: 8 hex digits, or empty.
        switch: switch it hangs on where that is not the bank's, or empty.
        port: switch port as the switch prints it, or empty.
        address: dotted quad if pinned away from the slot's own, or empty.
        state: use of the board.
        mac_from, serial_from, port_from: source of the fact.
        mac_seen, serial_seen, port_seen: when that source saw it first.
        note: free text of the user.
        line: 1-based line of the file, 0 for an entry not read from one.
    """

    bank: int
    slot: int
    mac: MacAddress | None = None
    serial: str = ""
    switch: str = ""
    port: str = ""
    address: str = ""
    state: State = State.ACTIVE
    mac_from: str = ""
    mac_seen: str = ""
    serial_from: str = ""
    serial_seen: str = ""
    port_from: str = ""
    port_seen: str = ""
    note: str = ""
    line: int = 0

    @property
    def key(self) -> Slot:
        """(bank, slot): the node's identity."""
        return (self.bank, self.slot)


@dataclass(frozen=True, slots=True)
class Registry:
    """The entries of one registry file.

    Attributes:
        path: its file, which need not exist yet.
        entries: in the order of the file.
        sample: the file says that its boards are invented.
        text: the file's, ``None`` where there is none yet.
    """

    path: Path
    entries: tuple[Entry, ...] = ()
    sample: bool = False
    text: str | None = field(default=None, repr=False, compare=False)


def node_name(bank: int, slot: int) -> str:
    """The name of a slot's node."""
    return f"pi-{bank}-{slot}"

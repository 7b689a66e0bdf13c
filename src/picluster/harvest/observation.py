"""What a source saw: one board, at one place, at one time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from picluster.mac import MacAddress


class Kind(StrEnum):
    """The kind of source a fact comes from."""

    SWITCH = "switch"  # a switch's forwarding database (FDB)
    DHCP = "dhcp"  # a DHCP server's log or leases
    BEACON = "beacon"  # a UDP beacon sent by the board
    NEIGHBOUR = "neighbour"  # a neighbour (ARP) table or scan
    TFTP = "tftp"  # a TFTP server's log
    CAPTURE = "capture"  # a packet capture


@dataclass(frozen=True, slots=True)
class Observation:
    """One MAC address seen by one source. Nothing else of the source's text is kept.

    Attributes:
        mac: the board's (or stranger's) MAC address, canonical.
        kind: kind of source.
        source: file name or live source, as the user gave it.
        line: 1-based line of the source it was last seen in, or ``None`` for live ones.
        seen: when, timezone-aware UTC; ``None`` when the source carries no full time.
        switch: name or address of the switch whose table this is, when the text says so
            (a prompt, a controller's device); ``None`` when the user has to say it.
        port: port name exactly as the switch prints it, or ``None``.
        vlan: VLAN tag or name as printed, or ``None``.
        uplink: the source itself marks the port as an uplink.
        address: IPv4 address seen with the MAC address, dotted quad, or ``None``.
        serial: board serial, 8 hex digits, or ``None``.
        event: for DHCP, the message: ``discover offer request ack nak decline unknown
            no-free-leases lease release inform``; empty for other kinds and for an option-97 line.
    """

    mac: MacAddress
    kind: Kind
    source: str
    line: int | None = None
    seen: datetime | None = None
    switch: str | None = None
    port: str | None = None
    vlan: str | None = None
    uplink: bool = False
    address: str | None = None
    serial: str | None = None
    event: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """A wiring fact without a board: this address sits behind this switch port.

    Attributes:
        switch: name or address of the switch.
        port: port name as the switch prints it.
        address: IPv4 address of the slot behind it.
        source: file the row is from.
        line: 1-based line.
        seen: when the table was made, aware UTC, or ``None``.
    """

    switch: str
    port: str
    address: str
    source: str
    line: int
    seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """A row of a source that was understood and left out, or not understood: shown, never lost.

    Attributes:
        what: the reason, with the value, printable.
        source: file or live source.
        line: 1-based line or ``None``.
    """

    what: str
    source: str
    line: int | None = None


Fact = Observation | Position | Remark

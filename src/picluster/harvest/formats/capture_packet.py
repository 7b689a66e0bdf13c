"""What one captured DHCP packet says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from picluster.harvest.formats.dhcp.option97 import serial_in
from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import is_reason, known_mac
from picluster.harvest.observation import Fact, Kind, Observation
from picluster.mac import MacAddress


@dataclass(slots=True)
class Packet:
    """A DHCP packet as far as it was read.

    Attributes:
        line: line of chaddr, or the first of the packet.
        seen: time, aware UTC, or ``None``.
        mac: chaddr as printed, or ``None``.
        address: yiaddr, or ``None``.
        option_97: the option's bytes; empty without it.
    """

    line: int
    seen: datetime | None = None
    mac: str | None = None
    address: str | None = None
    option_97: bytes = b""


def facts_of(packet: Packet, boards: Boards) -> Iterator[Fact]:
    """The facts of a packet: none without chaddr.

    Args:
        packet: the packet.
        boards: the capture's memory.
    """
    if packet.mac is None:
        return
    known = known_mac(packet.mac)
    if is_reason(known):
        yield boards.note(known, packet.line)
        return
    board = MacAddress(known)
    boards.learn(board, packet.address)
    serial = None
    if packet.option_97:
        try:
            serial = serial_in(packet.option_97, board)
        except ValueError as error:
            yield boards.note(str(error), packet.line)
    yield Observation(
        board,
        Kind.CAPTURE,
        boards.source,
        packet.line,
        packet.seen,
        address=packet.address,
        serial=serial,
    )

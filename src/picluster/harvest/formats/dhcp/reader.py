"""What the readers of log messages share: one log's memory and its way to make facts."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import TypeVar

from picluster.errors import shown
from picluster.harvest.formats.base import Context
from picluster.harvest.formats.dhcp.option97 import fits_surely
from picluster.harvest.formats.rows import ipv4, is_reason, known_mac
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import MacAddress, serial_fits

_BOARDS = 70_000  # more than a /16 has addresses
_K = TypeVar("_K")
_V = TypeVar("_V")


class Boards:
    """Boards a log has named so far, to know whose TFTP and option lines follow.

    Args:
        context: the log's.
        requests: kind of the observations made of TFTP requests.

    Attributes:
        source: the log's name.
        last: MAC address of the last DHCP message.
    """

    def __init__(self, context: Context, requests: Kind = Kind.TFTP) -> None:
        self.source = context.source
        self._requests = requests
        self.last: MacAddress | None = None
        self._of_address: OrderedDict[str, MacAddress] = OrderedDict()
        self._of_tail: OrderedDict[str, MacAddress] = OrderedDict()
        self._reported: OrderedDict[tuple[str, str | None], None] = OrderedDict()

    def saw(
        self, mac: str, event: str, address: str | None, number: int | None, seen: datetime | None
    ) -> tuple[Fact]:
        """The fact of a DHCP message; remembers the board.

        Args:
            mac: as printed.
            event: see :class:`~picluster.harvest.observation.Observation`.
            address: as printed, or ``None``.
            number: line.
            seen: time.
        """
        known = known_mac(mac)
        if is_reason(known):
            return (Remark(known, self.source, number),)
        board = MacAddress(known)
        host = ipv4(address) if address else None
        self.learn(board, host if event in {"offer", "ack"} else None)
        return (
            Observation(board, Kind.DHCP, self.source, number, seen, address=host, event=event),
        )

    def learn(self, board: MacAddress, address: str | None) -> None:
        """Remember a board and the address it was given."""
        if board != self.last:
            self.last = board
            _keep(self._of_tail, board.replace(":", "")[6:], board)
        if address and self._of_address.get(address) != board:
            _keep(self._of_address, address, board)

    def asked_for(
        self, serial: str, address: str | None, number: int | None, seen: datetime | None
    ) -> tuple[Fact, ...]:
        """The fact of a TFTP request for a file in the folder of a serial.

        The board is the one whose MAC address ends like the serial, or the one that was given the
        address; a serial nobody in this log owns is told once.
        """
        board = self._of_tail.get(serial[2:])
        if board is None or not fits_surely(board, serial):
            board = self._of_address.get(address) if address else None
        if board is not None and serial_fits(board, serial):
            return (
                Observation(
                    board, self._requests, self.source, number, seen, address=address, serial=serial
                ),
            )
        if (serial, address) in self._reported:
            return ()
        _keep(self._reported, (serial, address), None)
        whose = f"{board} has another" if board else "no DHCP line names its MAC address"
        at = f" by {address}" if address else ""
        return (self.note(f"serial {serial} asked for{at}: {whose}", number),)

    def note(self, what: str, number: int | None) -> Remark:
        """A remark of this log."""
        return Remark(what, self.source, number)

    def unclear(self, message: str, number: int | None) -> tuple[Fact]:
        """The remark about a message that could not be read."""
        return (self.note(f"not understood: {shown(message)}", number),)


def _keep(store: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    """Remember within bounds: the oldest goes."""
    if key not in store and len(store) >= _BOARDS:
        store.popitem(last=False)
    store[key] = value

"""Join what daemons say to boards: by MAC address, by the plan's address, by serial."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator

from picluster.campaign.events import Alarm, AlarmKind, Event, Sign
from picluster.campaign.fleet import Board, Fleet
from picluster.campaign.watch.signal import Refused, Signal
from picluster.harvest.formats.tftp import serial_of_path

#: An address that another board used stays in doubt for so long, seconds.
_DOUBT_S = 120.0
_REMEMBERED = 4096
_SPOKEN = frozenset(
    {
        Sign.KERNEL,
        Sign.ROOT,
        Sign.READY,
        Sign.ALIVE,
        Sign.FAILED,
        Sign.WARNING,
        Sign.KEYS,
        Sign.WORKLOAD,
    }
)
_DHCP = frozenset(
    {
        Sign.DISCOVER,
        Sign.OFFER,
        Sign.REQUEST,
        Sign.ACK,
        Sign.NAK,
        Sign.DECLINE,
        Sign.UNANSWERED,
    }
)


class Joiner:
    """Makes events of signals, and alarms of what must not be.

    Args:
        fleet: the boards of the plan.

    Attributes:
        refused: lines that were not believed, by reason.
        strangers: MAC addresses off the plan that asked for an address, with the number of times.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._doubt: dict[str, float] = {}
        self._told: OrderedDict[tuple[AlarmKind, str], None] = OrderedDict()
        self.refused: Counter[str] = Counter()
        self.strangers: Counter[str] = Counter()

    def join(self, signal: Signal, at: float, line: str) -> Iterator[Event | Alarm]:
        """Say whose signal it is.

        Args:
            signal: what a line says.
            at: when, in seconds of the campaign's clock.
            line: the line, as evidence.
        """
        if signal.sign in _SPOKEN:
            yield from self._spoken(signal, at, line)
        elif signal.sign in _DHCP:
            yield from self._dhcp(signal, at, line)
        else:
            yield from self._addressed(signal, at, line)

    def refuse(self, refused: Refused, at: float, line: str) -> Iterator[Alarm]:
        """Count a line that is not believed; who it names is told.

        Args:
            refused: why.
            at: when, in seconds of the campaign's clock.
            line: the line, as evidence.
        """
        self.refused[refused.why] += 1
        if refused.address is None:
            return
        board = self._fleet.by_address.get(refused.address)
        if board is None:
            what = f"{refused.address} sends node messages and is on no plan"
            yield from self._alarm(AlarmKind.OFF_PLAN_ADDRESS, refused.address, at, what, line)
        elif refused.mac is not None and refused.mac != board.mac:
            what = f"{refused.mac} speaks from {board.address}, which is {board.name}'s"
            yield from self._alarm(AlarmKind.WRONG_BOARD, refused.mac, at, what, line)

    # ---- the nodes' messages

    def _spoken(self, signal: Signal, at: float, line: str) -> Iterator[Event | Alarm]:
        board = self._fleet.by_address.get(signal.address or "")
        if board is None or (signal.mac is not None and signal.mac != board.mac):
            why = "message from an address that is not the sender's"
            yield from self.refuse(Refused(why, signal.address, signal.mac), at, line)
        elif signal.name and signal.name != board.name:
            self.refused["message under another node's name"] += 1
        else:
            yield self._event(board, signal, at, line)

    # ---- DHCP

    def _dhcp(self, signal: Signal, at: float, line: str) -> Iterator[Event | Alarm]:
        board = self._fleet.by_mac.get(signal.mac or "")
        given = signal.sign in (Sign.OFFER, Sign.ACK) and signal.address is not None
        if signal.server is not None and not self._own_server(signal.server):
            what = f"{signal.mac} took the offer of {signal.server}, no boot server of the plan"
            yield from self._alarm(AlarmKind.FOREIGN_SERVER, signal.server, at, what, line)
        if board is None:
            self._stranger(signal.mac or "")
            if given:
                what = f"{signal.mac}, on no plan, was given {signal.address}"
                yield from self._alarm(AlarmKind.OFF_PLAN_LEASE, signal.mac, at, what, line)
            return
        if given and signal.address != board.address:
            what = f"{board.name} ({board.mac}) was given {signal.address}, not {board.address}"
            yield from self._alarm(AlarmKind.OFF_PLAN_LEASE, board.mac, at, what, line)
            return
        if signal.sign is Sign.DECLINE:
            what = f"{board.name} found {board.address} in use and declined it"
            yield from self._alarm(AlarmKind.ADDRESS_CONFLICT, board.address, at, what, line)
        yield self._event(board, signal, at, line)

    def _own_server(self, address: str) -> bool:
        owner = self._fleet.infrastructure.get(address, "")
        return owner.startswith(("the head", "boot server")) or not self._fleet.infrastructure

    def _stranger(self, mac: str) -> None:
        if mac in self.strangers or len(self.strangers) < _REMEMBERED:
            self.strangers[mac] += 1

    # ---- TFTP, NFS and what else names an address

    def _addressed(self, signal: Signal, at: float, line: str) -> Iterator[Event | Alarm]:
        address = signal.address or ""
        board = self._fleet.by_address.get(address)
        if signal.sign is Sign.CONFLICT:
            yield from self._conflict(board, signal, at, line)
            return
        user = self._user(signal)
        if user is not None and (board is None or user.name != board.name):
            yield from self._misplaced(user, board, signal, at, line)
            return
        if board is None:
            if address not in self._fleet.infrastructure:
                what = f"{address} uses the boot services and is on no plan"
                yield from self._alarm(AlarmKind.OFF_PLAN_ADDRESS, address, at, what, line)
            return
        if user is None and at < self._doubt.get(board.name, at):
            self.refused["request from an address that two boards use"] += 1
            return
        yield self._event(board, signal, at, line)

    def _user(self, signal: Signal) -> Board | None:
        """The board whose serial a requested path holds."""
        serial = serial_of_path(signal.detail) if signal.sign is Sign.FILE else None
        return self._fleet.of_serial(serial) if serial else None

    def _misplaced(
        self, user: Board, owner: Board | None, signal: Signal, at: float, line: str
    ) -> Iterator[Event | Alarm]:
        whose = f"{owner.name}'s" if owner else "on no plan"
        what = f"{user.name} ({user.mac}) asks from {signal.address}, which is {whose}"
        kind = AlarmKind.WRONG_BOARD if owner else AlarmKind.OFF_PLAN_ADDRESS
        yield from self._alarm(kind, user.name, at, what, line)
        peer = owner.name if owner else str(signal.address)
        yield Event(at, user.name, Sign.STRAYED, peer, line=line)
        if owner is not None:
            self._doubt[owner.name] = at + _DOUBT_S
            yield Event(at, owner.name, Sign.INTRUDED, user.name, line=line)

    def _conflict(
        self, board: Board | None, signal: Signal, at: float, line: str
    ) -> Iterator[Event | Alarm]:
        whose = f", which is {board.name}'s," if board else ""
        what = f"{signal.address}{whose} answered before it was given"
        yield from self._alarm(AlarmKind.ADDRESS_CONFLICT, signal.address, at, what, line)
        if board is not None:
            yield self._event(board, signal, at, line)

    # ---- making them

    def _event(self, board: Board, signal: Signal, at: float, line: str) -> Event:
        return Event(
            at,
            board.name,
            signal.sign,
            signal.detail,
            signal.boot,
            signal.health,
            line,
            signal.reason,
            signal.work,
            signal.image,
        )

    def _alarm(
        self, kind: AlarmKind, who: str | None, at: float, what: str, line: str
    ) -> Iterator[Alarm]:
        """The alarm, the first time."""
        key = (kind, who or "")
        if key in self._told:
            return
        if len(self._told) >= _REMEMBERED:
            self._told.popitem(last=False)
        self._told[key] = None
        yield Alarm(at, kind, what, line)

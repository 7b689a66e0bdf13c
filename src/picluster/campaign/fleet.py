"""The boards a campaign may meet, and the only ways to know one: its MAC address, its address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from picluster.mac import SERIAL_OUI, MacAddress
from picluster.net import dotted
from picluster.plan.layout import fixed_addresses
from picluster.plan.model import AddressPlan
from picluster.registry.model import State


@dataclass(frozen=True, slots=True)
class Board:
    """A board of the plan.

    Attributes:
        name: ``pi-<bank>-<slot>``.
        bank: number of its bank.
        slot: its slot, from 1.
        address: dotted quad.
        mac: MAC address, canonical.
        serial: 8 hex digits, or empty while unknown.
        rack: number of its rack, or ``None``.
        row: its row within the bank, from 1.
        side: of the rack, or empty.
        switch: the switch it hangs on, or empty.
        port: the switch port, or empty.
        state: what the registry uses it for.
    """

    name: str
    bank: int
    slot: int
    address: str
    mac: MacAddress
    serial: str = ""
    rack: int | None = None
    row: int = 1
    side: str = ""
    switch: str = ""
    port: str = ""
    state: State = State.ACTIVE

    @property
    def place(self) -> str:
        """Where a person finds it."""
        rack = "" if self.rack is None else f"rack {self.rack}, "
        side = f"{self.side}, " if self.side else ""
        return f"{rack}{side}bank {self.bank}, row {self.row}, slot {self.slot}"


@dataclass(frozen=True)
class Fleet:
    """The boards by every key, checked when the plan was made: no two share one.

    Attributes:
        cluster: name of the cluster.
        boards: by bank and slot.
        infrastructure: what has the other addresses of the network: ``172.20.0.10`` → ``the head``.
    """

    cluster: str
    boards: tuple[Board, ...]
    infrastructure: Mapping[str, str] = field(default_factory=dict)
    by_name: dict[str, Board] = field(init=False, repr=False)
    by_mac: dict[str, Board] = field(init=False, repr=False)
    by_address: dict[str, Board] = field(init=False, repr=False)
    by_bank: dict[int, tuple[Board, ...]] = field(init=False, repr=False)
    _by_serial: dict[str, Board] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        banks: dict[int, list[Board]] = {}
        for board in self.boards:
            banks.setdefault(board.bank, []).append(board)
        indexes: dict[str, object] = {
            "by_name": {board.name: board for board in self.boards},
            "by_mac": {board.mac: board for board in self.boards},
            "by_address": {board.address: board for board in self.boards},
            "by_bank": {number: tuple(boards) for number, boards in banks.items()},
            "_by_serial": dict(self._serials()),
        }
        for name, index in indexes.items():
            object.__setattr__(self, name, index)

    def _serials(self) -> Iterable[tuple[str, Board]]:
        """Whole serials, and the low 24 bits where the MAC address proves them."""
        for board in self.boards:
            if board.serial:
                yield board.serial, board
            if board.mac.startswith(SERIAL_OUI):
                yield board.mac.replace(":", "")[6:], board

    def of_serial(self, serial: str) -> Board | None:
        """The board of a serial (8 hex digits), or ``None`` when it is nobody's for sure."""
        return self._by_serial.get(serial) or self._by_serial.get(serial[2:])


def fleet_of(plan: AddressPlan) -> Fleet:
    """The boards of a plan."""
    cluster = plan.cluster
    boards = tuple(
        Board(
            name=node.name,
            bank=node.bank.number,
            slot=node.slot,
            address=node.address,
            mac=node.mac,
            serial=node.serial,
            rack=node.bank.rack,
            row=cluster.row(node.bank, node.slot),
            side=node.bank.side or "",
            switch=node.switch,
            port=node.port,
            state=node.state,
        )
        for node in plan.nodes
    )
    fixed = {dotted(address): owner for address, owner in fixed_addresses(cluster).items()}
    return Fleet(cluster.name, boards, fixed)

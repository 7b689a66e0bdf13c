"""Simulated PDUs: they switch, verify, hang and answer nonsense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from picluster.campaign.ports import PowerOrder, PowerResult, Verb

if TYPE_CHECKING:
    from twin.virtual.world import VirtualWorld


class VirtualPower:
    """The power of a simulated cluster (see :class:`picluster.campaign.ports.PowerControl`).

    Args:
        world: what it feeds.
        pdus: the PDU of each bank, by number.
        shared: banks that share an outlet, by each of their numbers.

    Attributes:
        cuts: every time power was taken: when, the bank or board, and the boards that were ready.
    """

    def __init__(
        self,
        world: VirtualWorld,
        pdus: Mapping[int, str],
        shared: Mapping[int, Sequence[int]] | None = None,
    ) -> None:
        self._world = world
        self._pdus = pdus
        self._shared = shared or {}
        self._orders: dict[str, int] = {}
        self._down: dict[str, float] = {}
        self.cuts: list[tuple[float, str, tuple[str, ...]]] = []

    def alone(self, board: str) -> bool:
        """Whether it hangs on a port of its own."""
        return self._world.fleet.by_name[board].bank in self._world.hardware.alone

    def sharing(self, bank: int) -> Sequence[int]:
        """Banks on its outlet."""
        return self._shared.get(bank, (bank,))

    def break_pdu(self, pdu: str, seconds: float) -> None:
        """A PDU answers nobody for a while."""
        self._down[pdu] = self._world.simulation.now + seconds

    def submit(self, order: PowerOrder) -> None:
        """Begin an order."""
        bank = order.banks[0] if order.banks else self._world.fleet.by_name[order.board].bank
        pdu = self._pdus.get(bank, "pdu")
        count = self._orders[pdu] = self._orders.get(pdu, 0) + 1
        dice = self._world.plagues.chance("pdu", pdu, count).random()
        rates, hardware = self._world.plagues.rates, self._world.hardware
        if self._world.simulation.now < self._down.get(pdu, 0.0) or dice < rates.pdu_hang:
            why = f"{pdu} does not answer"
            self._world.simulation.after(hardware.pdu_timeout_s, lambda: self._fail(order, why))
        elif dice < rates.pdu_hang + rates.pdu_garbage:
            self._world.simulation.after(hardware.order_s, lambda: self._garble(order, pdu))
        else:
            self._world.simulation.after(hardware.order_s, lambda: self._do(order))

    def _fail(self, order: PowerOrder, why: str) -> None:
        self._world.power_result(PowerResult(order, self._world.clock.now(), False, None, why))

    def _garble(self, order: PowerOrder, pdu: str) -> None:
        """It does what it was told and says something else."""
        self._switch(order)
        self._fail(order, f"{pdu} answered nonsense")

    def _do(self, order: PowerOrder) -> None:
        self._switch(order)
        if order.board:
            on = self._world.board_has_power(order.board)
        else:
            on = self._world.has_power(order.banks[0])
        self._world.power_result(PowerResult(order, self._world.clock.now(), True, on))

    def _switch(self, order: PowerOrder) -> None:
        if order.verb is Verb.STATUS:
            return
        if order.board:
            if order.verb is Verb.CYCLE:
                self._cut(order.board, (order.board,))
            self._world.switch_board(order.board, on=True)
            return
        for bank in order.banks:
            if order.verb is Verb.OFF:
                names = tuple(board.name for board in self._world.fleet.by_bank.get(bank, ()))
                self._cut(f"bank {bank}", names)
            self._world.switch(bank, on=order.verb is Verb.ON)

    def _cut(self, what: str, names: tuple[str, ...]) -> None:
        ready = tuple(name for name in names if self._world.boards[name].ready)
        self.cuts.append((self._world.simulation.now, what, ready))

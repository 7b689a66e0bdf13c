"""The simulated cluster: boards, power, network, services, and the head that hears of them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from picluster.campaign.events import Alarm, Event
from picluster.campaign.fleet import Board, Fleet
from picluster.campaign.ports import Batch, PowerResult, ServiceState
from picluster.campaign.watch.joiner import Joiner
from picluster.campaign.watch.signal import Signal
from twin.virtual.board import SimulatedBoard
from twin.virtual.faults import Fault, Plagues
from twin.virtual.heat import Heat
from twin.virtual.link import Link
from twin.virtual.power import VirtualPower
from twin.virtual.settings import Hardware
from twin.virtual.simulation import Simulation, VirtualClock

SERVICES = ("dhcp", "tftp", "nfs", "messages")
#: Signs that arrive within this time are taken together, as a reader of logs does, seconds.
_TICK_S = 0.5
_SWITCH_S = 75.0

Hear = Callable[[Signal, float], Iterable[Event | Alarm]]


class VirtualWorld:
    """See the module.

    Args:
        fleet: the boards of the plan.
        plagues: what goes wrong.
        hardware: what it is made of.
        pdus: the PDU of each bank; one for all by default.
        keep: keep every sign, for campaigns that are killed and resumed.
        hear: makes events of signals in another way, by log lines say.
    """

    def __init__(
        self,
        fleet: Fleet,
        plagues: Plagues,
        hardware: Hardware | None = None,
        *,
        pdus: dict[int, str] | None = None,
        keep: bool = False,
        hear: Callable[[VirtualWorld], Hear] | None = None,
    ) -> None:
        self.fleet = fleet
        self.plagues = plagues
        self.hardware = hardware or Hardware()
        self.simulation = Simulation()
        self.clock = VirtualClock(self.simulation)
        self.link = Link(self.simulation, self.hardware.link_mbit / 8, self.hardware.board_mbit / 8)
        racks: dict[int | None, list[int]] = {}
        for bank, boards in fleet.by_bank.items():
            racks.setdefault(boards[0].rack, []).append(bank)
        hot = [bank for bank in fleet.by_bank if plagues.hot_spot(bank)]
        self.heat = Heat(self.simulation, racks, hot, self.hardware.climate)
        self.power = VirtualPower(self, pdus or {})
        self.boards = {board.name: SimulatedBoard(self, board) for board in fleet.boards}
        self.unplugged = {bank for bank in fleet.by_bank if plagues.unplugged(bank)}
        self.joiner = Joiner(fleet)
        self._hear: Hear = hear(self) if hear else self._join
        self._on: set[int] = set()
        self._boots: dict[int, int] = {}
        self._board_boots: dict[str, int] = {}
        self._down: dict[str, float] = {}
        self._dark: dict[int, float] = {}
        self._keep = keep
        self._signs: deque[Event | Alarm] = deque()
        self._first = 0
        self._inbox: VirtualInbox | None = None

    # ---- power

    def has_power(self, bank: int) -> bool:
        """Whether its outlet is on."""
        return bank in self._on

    def board_has_power(self, _name: str) -> bool:
        """Boards with ports of their own are never left off here."""
        return True

    def switch(self, bank: int, *, on: bool) -> None:
        """An outlet is switched; in the state it is in already nothing happens."""
        if on == (bank in self._on):
            return
        (self._on.add if on else self._on.discard)(bank)
        if bank in self.unplugged:
            return
        self.heat.switch(bank, on=on)
        boards = [board.name for board in self.fleet.by_bank[bank]]
        if not on:
            for name in boards:
                self.boards[name].power_off()
            return
        boot = self._boots[bank] = self._boots.get(bank, 0) + 1
        faults = self.plagues.of_boot(bank, boards, boot)
        for name in boards:
            self.boards[name].power_on(faults.get(name))
        chance = self.plagues.chance("switch", bank, boot)
        if chance.random() < self.plagues.rates.switch_reboot:
            self.simulation.after(20 + 60 * chance.random(), lambda: self.reboot_switch(bank))

    def switch_board(self, name: str, *, on: bool) -> None:
        """The port of a single board is cycled."""
        board = self.boards[name]
        board.power_off()
        if not on:
            return
        count = self._board_boots[name] = self._board_boots.get(name, 0) + 1
        faults = self.plagues.of_boot(board.board.bank, [name], 1000 + count)
        lasting = self.plagues.for_good(name)
        board.power_on(lasting if isinstance(lasting, Fault) else faults.get(name))

    # ---- network and services

    def reboot_switch(self, bank: int) -> None:
        """A bank's switch carries nothing for a while."""
        self._dark[bank] = self.simulation.now + _SWITCH_S

    def stop_service(self, name: str, seconds: float) -> None:
        """A service of the head is down for a while."""
        self._down[name] = max(self._down.get(name, 0.0), self.simulation.now + seconds)

    def restart_head(self, seconds: float) -> None:
        """The head restarts: no service for a while, and a clock that counts anew."""
        for name in SERVICES:
            self.stop_service(name, seconds)
        self.clock.restart()

    def running(self, service: str) -> bool:
        """Whether a service runs."""
        return self.simulation.now >= self._down.get(service, 0.0)

    def reachable(self, bank: int) -> bool:
        """Whether a bank's switch carries frames."""
        return self.simulation.now >= self._dark.get(bank, 0.0)

    def answers(self, service: str, bank: int) -> bool:
        """Whether a board of a bank gets an answer from a service."""
        return self.running(service) and self.reachable(bank)

    def another(self, board: Board, chance: random.Random) -> Board:
        """A board other than this one, of its own bank."""
        others = [one for one in self.fleet.by_bank[board.bank] if one.name != board.name]
        return chance.choice(others) if others else board

    def off_plan(self, board: Board) -> str:
        """An address on the boot network that is nobody's."""
        front = board.address.rsplit(".", 1)[0]
        return next(
            address
            for address in (f"{front}.{last}" for last in (*range(250, 0, -1), *range(251, 256)))
            if address not in self.fleet.by_address and address not in self.fleet.infrastructure
        )

    # ---- what the head hears

    def say(self, service: str, signal: Signal) -> None:
        """A daemon of the head logs something; nothing is logged while it is down."""
        if not self.running(service):
            return
        for sign in self._hear(signal, self.clock.now()):
            self.sign(sign)

    def _join(self, signal: Signal, at: float) -> Iterable[Event | Alarm]:
        line = f"{signal.sign} {signal.mac or signal.address or ''} {signal.detail}"
        return self.joiner.join(signal, at, line)

    def sign(self, sign: Event | Alarm) -> None:
        """Something was heard."""
        if self._keep or self._inbox is not None:
            self._signs.append(sign)

    def power_result(self, result: PowerResult) -> None:
        """An order ended; nobody hears of it when the campaign is dead."""
        if self._inbox is not None:
            self._inbox.results.append(result)

    def attach(self, inbox: VirtualInbox | None) -> None:
        """Somebody listens, or nobody."""
        self._inbox = inbox

    def heard(self) -> int:
        """Number of signs heard so far."""
        return self._first + len(self._signs)

    def signs(self, position: int) -> list[Event | Alarm]:
        """Signs from a position on; earlier ones are forgotten unless they are kept."""
        if self._keep:
            start = position - self._first
            return [self._signs[n] for n in range(max(0, start), len(self._signs))]
        found = list(self._signs)
        self._first += len(found)
        self._signs.clear()
        return found


class VirtualInbox:
    """Where a campaign listens (see :class:`picluster.campaign.ports.Inbox`).

    Args:
        world: whom it listens to.
    """

    def __init__(self, world: VirtualWorld) -> None:
        self._world = world
        self._position = 0
        self.results: deque[PowerResult] = deque()

    @property
    def refused(self) -> Mapping[str, int]:
        """Signs that were not believed."""
        return self._world.joiner.refused

    def begin(self, position: str) -> bool:
        """Listen from a position on, or from now."""
        self._position = int(position) if position else self._world.heard()
        self._world.attach(self)
        return True

    def take(self, timeout_s: float) -> Batch:
        """Let time go on until something is heard, and a moment more."""
        simulation = self._world.simulation
        end = simulation.now + timeout_s
        while not self._there():
            upcoming = simulation.next()
            if upcoming is None or upcoming > end:
                simulation.run_until(end)
                break
            simulation.step()
        else:
            simulation.run_until(simulation.now + _TICK_S)
        signs = self._world.signs(self._position)
        self._position += len(signs)
        arrivals: list[Event | Alarm | PowerResult] = [*self.results, *signs]
        self.results.clear()
        return Batch(arrivals, str(self._position))

    def _there(self) -> bool:
        return bool(self.results) or self._world.heard() > self._position


class VirtualServices:
    """Tries the services of the simulated head."""

    def __init__(self, world: VirtualWorld) -> None:
        self._world = world

    def check(self, _banks: Iterable[int]) -> Sequence[ServiceState]:
        """State of each."""
        return [ServiceState(name, self._world.running(name), "it is down") for name in SERVICES]

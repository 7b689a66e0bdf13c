"""Every bank of a live twin: power and faults go in, the truth comes out."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from picluster.errors import refusal
from twin.boards.process import BankProcess
from twin.boards.setup import BankBoard, BankSetup
from twin.boards.tree import place_of, start_program
from twin.cluster.truth import BoardTruth, Truth
from twin.cluster.wire import free_addresses, set_uplink
from twin.virtual.faults import Fault
from twin.virtual.heat import Heat
from twin.virtual.simulation import Simulation

if TYPE_CHECKING:
    from pathlib import Path

    from picluster.plan.model import AddressPlan, Node
    from twin.cluster.machines import Machines
    from twin.cluster.wishes import Wishes
    from twin.rack import Rack

#: A switch that restarts carries nothing for so long.
_SWITCH_S = 75.0
_WARM_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Folders:
    """Folders of this machine.

    Attributes:
        boards: of what belongs to single boards.
        export: what the head exports to boards.
    """

    boards: Path
    export: Path


class Banks:
    """See the module; a context manager that ends every board on leaving.

    Args:
        plan: the boards.
        rack: their network, up.
        tree: their root file system.
        folders: see :class:`Folders`.
        key: public key that opens root's account on them.
        wishes: what goes wrong, and what boards are like.
        machines: the boards that are QEMU machines.
    """

    def __init__(
        self,
        plan: AddressPlan,
        rack: Rack,
        *,
        tree: Path,
        folders: Folders,
        key: str,
        wishes: Wishes,
        machines: Machines,
    ) -> None:
        self._rack = rack
        self._export = folders.export
        self._export_root = plan.cluster.export_root
        self._struck = dict(wishes.plagues.boards)
        self._plagues = replace(wishes.plagues, boards=self._struck)
        self._machines = machines
        self._nodes: dict[str, Node] = {node.name: node for node in plan.nodes}
        self._bank_of = {node.name: node.bank.number for node in plan.nodes}
        self.truth = Truth(
            BoardTruth(node.name, node.bank.number, node.address) for node in plan.nodes
        )
        self._boots: defaultdict[int, int] = defaultdict(int)
        self._alone: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.RLock()
        self._stack = ExitStack()
        self._stop = threading.Event()
        self._timers: list[threading.Timer] = []
        self._clock, self._began = Simulation(), time.monotonic()
        self._off_plan = free_addresses(plan)[1]
        numbers = sorted(set(self._bank_of.values()))
        self.unplugged = {bank for bank in numbers if self._plagues.unplugged(bank)}
        for bank in self.unplugged:
            self.truth.plugged(self.of_bank(bank), plugged=False)
        self._heat = self._heat_of(plan, wishes)
        self._processes = {
            bank: BankProcess(self._setup(bank, tree, folders.boards, wishes), self._heard, key)
            for bank in numbers
        }

    def _heat_of(self, plan: AddressPlan, wishes: Wishes) -> Heat:
        racks: dict[int | None, list[int]] = {}
        for bank in plan.cluster.banks:
            racks.setdefault(bank.rack, []).append(bank.number)
        hot = [bank.number for bank in plan.cluster.banks if self._plagues.hot_spot(bank.number)]
        return Heat(self._clock, racks, hot, wishes.climate)

    def _setup(self, bank: int, tree: Path, folder: Path, wishes: Wishes) -> BankSetup:
        boards = tuple(
            BankBoard(node.name, str(node.mac), node.serial, node.slot)
            for node in self._nodes.values()
            if node.bank.number == bank and node.name not in self._machines
        )
        return BankSetup(
            bank=bank,
            rack=self._rack.namespace.name,
            interface=self._rack.bank_interface(bank),
            bridge=f"bank{bank}",
            boards=boards,
            tree=str(tree),
            place=str(place_of(tree)),
            start=str(start_program()),
            state=str(folder),
            export=str(self._export),
            export_root=self._export_root,
            seed=self._plagues.seed,
            off_plan=self._off_plan,
            speed=wishes.speed,
            linux=wishes.linux,
        )

    def of_bank(self, bank: int) -> list[str]:
        """Names of the boards of a bank, in order of slots."""
        return [name for name, number in self._bank_of.items() if number == bank]

    # ---- power

    def power(self, names: Iterable[str], *, on: bool) -> None:
        """Boards get power, or lose it; those in that state already are left alone."""
        known = self.truth.boards()
        banks: defaultdict[int, list[str]] = defaultdict(list)
        for name in names:
            if known[name].power != on:
                banks[self._bank_of[name]].append(name)
        with self._lock:
            for bank, boards in banks.items():
                (self._on if on else self._off)(bank, boards)

    def _on(self, bank: int, names: list[str]) -> None:
        faults = self._faults(bank, names)
        for name in names:
            self.truth.switched_on(name, faults.get(name, ""))
        if bank in self.unplugged:
            return
        self._warm_up(bank, on=True)
        boards = [name for name in names if name not in self._machines]
        if boards:
            boot = self._boots[bank] + 1000 * sum(self._alone[name] for name in boards)
            self._processes[bank].power_on({n: faults.get(n, "") for n in boards}, boot)
        for name in set(names) - set(boards):
            self._machines.power_on(name)

    def _faults(self, bank: int, names: list[str]) -> dict[str, str]:
        """The faults of this boot, the same as in the virtual twin of the same seed."""
        if len(names) == len(self.of_bank(bank)):
            self._boots[bank] += 1
            found = self._plagues.of_boot(bank, names, self._boots[bank])
            self._may_reboot_switch(bank)
            return {name: fault.value for name, fault in found.items()}
        found = {}
        for name in names:
            self._alone[name] += 1
            one = self._plagues.of_boot(bank, [name], 1000 + self._alone[name])
            lasting = self._plagues.for_good(name)
            found |= {name: lasting} if isinstance(lasting, Fault) else one
        return {name: fault.value for name, fault in found.items()}

    def _off(self, bank: int, names: list[str]) -> None:
        for name in names:
            self.truth.switched_off(name)
            if name in self._machines:
                self._machines.power_off(name)
        if bank in self.unplugged:
            return
        self._processes[bank].power_off(name for name in names if name not in self._machines)
        known = self.truth.boards()
        self._warm_up(bank, on=any(known[name].power for name in self.of_bank(bank)))

    # ---- faults by hand

    def strike(self, name: str, fault: Fault | None) -> None:
        """Give a board a fault for its next boots; a crash happens at once to one that runs."""
        if name not in self._bank_of:
            raise refusal(f"no board {name!a} in this twin", "see picluster plan")
        if fault is None:
            self._struck.pop(name, None)
        else:
            self._struck[name] = fault
        if fault is Fault.CRASH and self.truth.boards()[name].ready:
            self._processes[self._bank_of[name]].crash([name])

    def plug(self, bank: int, *, plugged: bool) -> None:
        """Pull a bank's plug, or put it in."""
        names = self.of_bank(bank)
        if not names:
            raise refusal(f"no bank {bank} in this twin")
        with self._lock:
            if plugged == (bank not in self.unplugged):
                return
            (self.unplugged.discard if plugged else self.unplugged.add)(bank)
            self.truth.plugged(names, plugged=plugged)
            known = self.truth.boards()
            fed = [name for name in names if known[name].power]
            if plugged:
                for name in fed:
                    self.truth.switched_off(name)
                self._on(bank, fed)
            elif fed:
                self._processes[bank].power_off(fed)

    def reboot_switch(self, bank: int, seconds: float = _SWITCH_S) -> None:
        """A bank's switch carries nothing for a while."""
        set_uplink(self._rack, bank, up=False)
        self._after(seconds, lambda: set_uplink(self._rack, bank, up=True))

    def _may_reboot_switch(self, bank: int) -> None:
        chance = self._plagues.chance("switch", bank, self._boots[bank])
        if chance.random() < self._plagues.rates.switch_reboot:
            self._after(20 + 60 * chance.random(), lambda: self.reboot_switch(bank))

    def _after(self, seconds: float, action: Callable[[], object]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    # ---- what happens

    def _heard(self, name: str, what: str, at: float) -> None:
        self.truth.heard(name, what, at)

    def _warm_up(self, bank: int, *, on: bool) -> None:
        self._clock.now = time.monotonic() - self._began
        self._heat.switch(bank, on=on)

    def _warm(self) -> None:
        """Tell boards now and then how warm their bank is."""
        while not self._stop.wait(_WARM_EVERY_S):
            with self._lock:
                self._clock.now = time.monotonic() - self._began
                for bank, process in self._processes.items():
                    if process.running:
                        process.warm(self._heat.of(bank))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for process in self._processes.values():
                stack.enter_context(process)
            self._stack = stack.pop_all()
        threading.Thread(target=self._warm, name="heat", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for timer in self._timers:
            timer.cancel()
        with self._lock:
            self._machines.stop()
            self._stack.close()

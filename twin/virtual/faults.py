"""What goes wrong with whom: by seed and probability, or by name."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """What goes wrong with a board in one boot."""

    NEVER_POWERED = "never powered"
    DEAD = "dead"
    LINK_LATE = "link comes late"  # a port that spanning tree blocks
    DISCOVER_LOST = "DISCOVER lost"  # one of them: the next one is answered
    SILENT = "silent after its tries"
    TAKES_OFFER = "takes another board's OFFER"
    OFF_PLAN = "off-plan address in use"
    START_ELF = "stuck in start.elf"
    TFTP_STALL = "TFTP stalls"
    PANIC = "kernel panic"
    NFS_SILENT = "NFS does not answer"
    HANGS = "hangs after its root is mounted"
    NO_READY = "up but no ready"
    CRASH = "crashes later"
    OVERHEATS = "overheats with its neighbours"

    @property
    def harmless(self) -> bool:
        """The board becomes ready all the same."""
        return self is Fault.DISCOVER_LOST


#: Stage and rule of the diagnosis that is right for a board that ends by a fault.
TRUTH: Mapping[Fault, frozenset[tuple[str, str]]] = {
    Fault.NEVER_POWERED: frozenset({("powered", "no-discover")}),
    Fault.DEAD: frozenset({("powered", "no-discover")}),
    Fault.LINK_LATE: frozenset({("powered", "no-discover")}),
    Fault.SILENT: frozenset({("dhcp", "offer-ignored")}),
    Fault.TAKES_OFFER: frozenset({("tftp", "strayed")}),
    Fault.OFF_PLAN: frozenset({("tftp", "strayed")}),
    Fault.START_ELF: frozenset({("tftp", "start-elf-again")}),
    Fault.TFTP_STALL: frozenset({("tftp", "tftp-stalled")}),
    Fault.PANIC: frozenset({("tftp", "kernel-silent")}),
    Fault.NFS_SILENT: frozenset({("kernel", "no-nfs")}),
    Fault.HANGS: frozenset({("nfs", "not-up")}),
    Fault.NO_READY: frozenset({("up", "no-ready")}),
    Fault.CRASH: frozenset({("ready", "crashed")}),
    Fault.OVERHEATS: frozenset({("ready", "overheated"), ("off", "overheated")}),
}

#: Faults of one boot, of a single board.
_SINGLE = (
    Fault.LINK_LATE,
    Fault.SILENT,
    Fault.TAKES_OFFER,
    Fault.START_ELF,
    Fault.TFTP_STALL,
    Fault.PANIC,
    Fault.NFS_SILENT,
    Fault.HANGS,
    Fault.NO_READY,
)
#: Faults that hit several boards of a bank at once: its network hiccups.
_TOGETHER = (Fault.LINK_LATE, Fault.SILENT, Fault.TFTP_STALL, Fault.START_ELF, Fault.NFS_SILENT)


@dataclass(frozen=True, slots=True)
class Rates:
    """Probabilities, of each board or bank and boot unless said otherwise.

    The defaults reproduce what was published of the 1050-Pi cluster: most of the time all 42 of a
    bank boot, once in a while 37, seldom fewer; a few boards never boot; one bank was unplugged.

    Attributes:
        dead: board, for good.
        never_powered: board, for good.
        weak: board whose every second boot fails, for good.
        single: a passing fault of one board.
        lost_discover: a DISCOVER is lost, which costs five seconds.
        crash: a board that became ready crashes later.
        off_plan: a board uses an address off the plan.
        hiccup: a bank loses a few boards (``hiccup_boards`` on average).
        blackout: a bank loses many (``blackout_boards`` on average).
        unplugged: bank, for good.
        hot_spot: bank that stands where it gets too hot, for good.
        pdu_hang: a PDU does not answer an order.
        pdu_garbage: it answers nonsense.
        switch_reboot: a bank's switch reboots while its boards load.
    """

    dead: float = 0.0010
    never_powered: float = 0.0005
    weak: float = 0.004
    single: float = 0.0015
    lost_discover: float = 0.01
    crash: float = 0.0005
    off_plan: float = 0.0001
    hiccup: float = 0.25
    hiccup_boards: float = 5.0
    blackout: float = 0.08
    blackout_boards: float = 15.0
    unplugged: float = 0.04
    hot_spot: float = 0.0
    pdu_hang: float = 0.01
    pdu_garbage: float = 0.005
    switch_reboot: float = 0.01


#: Nothing goes wrong.
NO_FAULTS = Rates(**dict.fromkeys(Rates.__dataclass_fields__, 0.0))


@dataclass(frozen=True, slots=True)
class Plagues:
    """The faults of a simulated cluster: the same for the same seed, board and boot.

    Attributes:
        seed: of everything random.
        rates: how often what happens.
        boards: faults by node name, at every boot.
        banks: numbers of the banks that are unplugged, beyond chance.
        hot: numbers of the banks that get too hot, beyond chance.
    """

    seed: int = 1
    rates: Rates = field(default_factory=Rates)
    boards: Mapping[str, Fault] = field(default_factory=dict)
    banks: frozenset[int] = frozenset()
    hot: frozenset[int] = frozenset()

    def chance(self, *what: object) -> random.Random:
        """A source of chance that depends on the seed and on what it is for, on nothing else."""
        return random.Random("/".join(map(str, (self.seed, *what))))  # noqa: S311 - a simulation

    def unplugged(self, bank: int) -> bool:
        """Whether a bank has no plug in its outlet."""
        dice = self.chance("bank", bank).random()
        return bank in self.banks or dice < self.rates.unplugged

    def hot_spot(self, bank: int) -> bool:
        """Whether a bank stands where it gets too hot."""
        return bank in self.hot or self.chance("hot", bank).random() < self.rates.hot_spot

    def for_good(self, board: str) -> Fault | str | None:
        """A fault that a board has at every boot, ``"weak"``, or none."""
        if board in self.boards:
            return self.boards[board]
        dice, rates = self.chance("board", board).random(), self.rates
        for fault, rate in (
            (Fault.DEAD, rates.dead),
            (Fault.NEVER_POWERED, rates.never_powered),
            ("weak", rates.weak),
        ):
            if dice < rate:
                return fault
            dice -= rate
        return None

    def of_boot(self, bank: int, boards: list[str], boot: int) -> dict[str, Fault]:
        """The faults of one boot of a bank, by node name.

        Args:
            bank: its number.
            boards: names of those that get power.
            boot: how often the bank got power, from 1.
        """
        chance = self.chance("boot", bank, boot)
        found: dict[str, Fault] = {}
        for name in boards:
            fault = self._single(chance)
            if fault is not None:
                found[name] = fault
        for name in self._together(boards, chance):
            found.setdefault(name, chance.choice(_TOGETHER))
        for name in boards:
            lasting = self.for_good(name)
            if isinstance(lasting, Fault):
                found[name] = lasting
            elif lasting and chance.random() < 0.5:
                found[name] = chance.choice(_SINGLE)
        return found

    def _single(self, chance: random.Random) -> Fault | None:
        dice, rates = chance.random(), self.rates
        for fault, rate in (
            (None, rates.single),
            (Fault.DISCOVER_LOST, rates.lost_discover),
            (Fault.CRASH, rates.crash),
            (Fault.OFF_PLAN, rates.off_plan),
        ):
            if dice < rate:
                return fault or chance.choice(_SINGLE)
            dice -= rate
        return None

    def _together(self, boards: list[str], chance: random.Random) -> list[str]:
        dice, rates = chance.random(), self.rates
        if dice < rates.blackout:
            mean = rates.blackout_boards
        elif dice < rates.blackout + rates.hiccup:
            mean = rates.hiccup_boards
        else:
            return []
        # between a half and one and a half of the mean
        count = round(mean * (0.5 + chance.random()) * len(boards) / 42)
        return chance.sample(boards, min(max(1, count), len(boards)))

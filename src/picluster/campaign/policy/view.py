"""What a policy sees, and what it may answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from picluster.campaign.diagnose.rules import Cure
from picluster.campaign.policy.history import History
from picluster.campaign.settings import Settings


@dataclass(frozen=True, slots=True)
class BoardView:
    """A board of a settled bank.

    Attributes:
        name: the node's name.
        ready: it is up.
        cure: what a cycle does about its cause; for a board that is not ready.
        attempts: how often it got power in this campaign.
        alone: it can be cycled without another board losing power.
        expected: it counts; a quarantined board or a spare does not.
    """

    name: str
    ready: bool
    cure: Cure = Cure.LIKELY
    attempts: int = 1
    alone: bool = False
    expected: bool = True


@dataclass(frozen=True, slots=True)
class BankView:
    """A bank whose boards have all come up or failed.

    Attributes:
        bank: its number.
        attempt: how often it got power in this campaign.
        boards: all of them, also those that do not count.
        waiting: banks that have had no power yet.
        lanes: banks that can load at the same time.
        heat: how near the hottest board is to the limit that holds banks back: 0 far, 1 at it.
    """

    bank: int
    attempt: int
    boards: tuple[BoardView, ...]
    waiting: int = 0
    lanes: int = 1
    heat: float = 0.0

    @property
    def expected(self) -> tuple[BoardView, ...]:
        """The boards that count."""
        return tuple(board for board in self.boards if board.expected)

    @property
    def ready(self) -> int:
        """How many of those are up."""
        return sum(board.ready for board in self.expected)


def needed(boards: int, quorum: float) -> int:
    """Boards that make a quorum: 40 of 42, and of fewer the same part, rounded up."""
    return math.ceil(boards * quorum - 1e-9)


@dataclass(frozen=True, slots=True)
class Price:
    """What a power cycle is expected to bring and to cost.

    Attributes:
        gain: boards more than now, on average; negative when more are lost than won.
        at_risk: ready boards that lose power by it.
        minutes: of the campaign that it takes.
        worth: ``gain`` in minutes.
        cost: ``minutes`` with the share of other banks that load meanwhile, and heat.
    """

    gain: float
    at_risk: int
    minutes: float
    worth: float
    cost: float

    @property
    def pays(self) -> bool:
        """Whether it is worth it."""
        return self.gain > 0 and self.worth >= self.cost

    def __str__(self) -> str:
        return (
            f"{self.gain:+.1f} boards expected, {self.at_risk} ready ones cut, "
            f"{self.minutes:.1f} min: worth {self.worth:.1f}, costs {self.cost:.1f}"
        )


@dataclass(frozen=True, slots=True)
class Accept:
    """Leave the bank as it is."""

    why: str
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class CycleBoards:
    """Cycle single boards; no other one loses power."""

    why: str
    boards: tuple[str, ...]
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class CycleBank:
    """Cycle the whole bank, its ready boards too."""

    why: str
    price: Price | None = None


Decision = Accept | CycleBoards | CycleBank


class Policy(Protocol):
    """Decides about settled banks; a pure function of what it is given.

    Attributes:
        name: what ``--policy`` takes.
        quarantines: boards that fail again and again are left out of account.
    """

    name: str
    quarantines: bool

    def decide(self, view: BankView, history: History, settings: Settings) -> Decision:
        """Say what to do with a bank."""
        ...

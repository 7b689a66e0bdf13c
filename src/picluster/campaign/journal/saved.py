"""What a campaign keeps, and what it finds again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from picluster.campaign.events import Alarm
from picluster.campaign.policy.history import History, Outcome
from picluster.campaign.ports import PowerOrder
from picluster.campaign.progress import Progress
from picluster.campaign.runs import BankRun, BoardRun


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the campaign tells people.

    Attributes:
        at: when, in seconds of the campaign's clock.
        bank: the bank it is about, 0 for none.
        text: a sentence.
    """

    at: float
    bank: int
    text: str


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A power order that was given and whose end was not seen.

    Attributes:
        order: the order.
        at: when it was given, in seconds of the campaign's clock.
    """

    order: PowerOrder
    at: float


@dataclass(frozen=True, slots=True)
class BankBoot:
    """One boot of one bank, for the history.

    Attributes:
        bank: its number.
        attempt: how often it had got power.
        yielded: part of its boards that came up, 0 to 1.
        minutes: from power to the last board that came up or failed.
        counts: it says something about boots: the bank was not unplugged, no service was down.
    """

    bank: int
    attempt: int
    yielded: float
    minutes: float
    counts: bool = True


@dataclass(slots=True)
class Snapshot:
    """What changed since the last save; all of it is kept, or nothing.

    Attributes:
        now, wall: the clock's two times.
        position: where the reading of the logs stands.
        runs: banks by number.
        boards: progress and evidence by node name.
        alone: power of single boards by node name.
        outcomes: boots of boards that ended.
        boots: boots of banks that ended.
        alarms: new ones.
        notices: new ones.
        closed: numbers of power orders that ended.
    """

    now: float = 0.0
    wall: float = 0.0
    position: str = ""
    runs: dict[int, BankRun] = field(default_factory=dict)
    boards: dict[str, tuple[Progress, tuple[str, ...]]] = field(default_factory=dict)
    alone: dict[str, BoardRun] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    boots: list[BankBoot] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Saved:
    """An unfinished campaign, with its times in seconds of the present clock.

    Attributes:
        campaign: its number.
        scope: numbers of its banks.
        started: when it began.
        position: where its reading of the logs stood.
        runs, boards, alone, alarms, notices: see :class:`Snapshot`.
        orders: those whose end was not seen.
        last_order: highest number of an order.
    """

    campaign: int
    scope: tuple[int, ...]
    started: float
    position: str
    runs: list[BankRun]
    boards: dict[str, tuple[Progress, tuple[str, ...]]]
    alone: dict[str, BoardRun]
    orders: list[OpenOrder]
    last_order: int
    alarms: list[Alarm] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


class Journal(Protocol):
    """Keeps what a campaign knows."""

    def history(self) -> History:
        """What earlier campaigns measured, and the unfinished one."""
        ...

    def unfinished(self) -> Saved | None:
        """The campaign that did not come to its end, or ``None``."""
        ...

    def abandon(self) -> None:
        """Give the unfinished campaign up; its history stays."""
        ...

    def start(self, scope: Iterable[int], settings: Mapping[str, object]) -> None:
        """Begin a new campaign.

        Args:
            scope: numbers of its banks.
            settings: plain data, for people.
        """
        ...

    def intend(self, order: PowerOrder, at: float, snapshot: Snapshot) -> None:
        """Keep a power order before it is given, together with what changed before it."""
        ...

    def save(self, snapshot: Snapshot) -> None:
        """Keep what changed."""
        ...

    def finish(self, report: Mapping[str, object]) -> None:
        """The campaign came to its end.

        Args:
            report: plain data.
        """
        ...


class Transient:
    """Keeps nothing beyond the process: for simulations."""

    def __init__(self) -> None:
        self._history = History()

    def history(self) -> History:
        """An empty one."""
        return self._history

    def unfinished(self) -> Saved | None:
        """There is none."""
        return None

    def abandon(self) -> None:
        """There is none."""

    def start(self, scope: Iterable[int], settings: Mapping[str, object]) -> None:
        """Nothing to keep."""

    def intend(self, order: PowerOrder, at: float, snapshot: Snapshot) -> None:
        """Nothing to keep."""

    def save(self, snapshot: Snapshot) -> None:
        """Nothing to keep."""

    def finish(self, report: Mapping[str, object]) -> None:
        """Nothing to keep."""

"""Everything a running campaign knows, and the counts that decisions are made of.

Nothing here costs time in proportion to the number of boards when one of them moves: a campaign of
65,000 boards folds millions of events.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from picluster.campaign.events import Alarm, Event, Sign
from picluster.campaign.fleet import Board, Fleet
from picluster.campaign.journal.saved import BankBoot, Notice, Saved, Snapshot
from picluster.campaign.policy.history import History, Outcome
from picluster.campaign.ports import Clock
from picluster.campaign.progress import Progress
from picluster.campaign.runs import BankRun, BoardRun
from picluster.campaign.settings import Settings
from picluster.campaign.stages import Stage
from picluster.campaign.tracker import Change, Tracker, deadline
from picluster.registry.model import State

_SPOKEN = frozenset(
    {
        Sign.KERNEL,
        Sign.ROOT,
        Sign.READY,
        Sign.ALIVE,
        Sign.WARNING,
        Sign.KEYS,
        Sign.WORKLOAD,
    }
)


class Counts:
    """Boards of a bank by how they stand; only those that count.

    Attributes:
        expected: boards that count.
        ready: of them, up.
        open: of them, powered and neither ready nor failed.
    """

    __slots__ = ("expected", "open", "ready")

    def __init__(self) -> None:
        self.expected = self.ready = self.open = 0


def is_open(progress: Progress) -> bool:
    """Whether a board is on its way."""
    return not progress.failed and progress.stage not in (Stage.OFF, Stage.READY)


class CampaignState:
    """The state of a campaign.

    Args:
        fleet: every board of the plan.
        runs: the banks of the campaign.
        settings: the knobs.
        clock: the campaign's.
        history: what earlier boots measured; grows.
    """

    def __init__(
        self,
        fleet: Fleet,
        runs: Iterable[BankRun],
        settings: Settings,
        clock: Clock,
        history: History,
    ) -> None:
        self.fleet = fleet
        self.settings = settings
        self.clock = clock
        self.history = history
        self.runs = {run.bank: run for run in runs}
        self.run_of = {bank: run for run in self.runs.values() for bank in run.banks}
        self.tracker = Tracker(board.name for board in fleet.boards)
        self.alone: dict[str, BoardRun] = {}
        self.excluded = {b.name for b in fleet.boards if b.state is not State.ACTIVE}
        self.counts = {bank: Counts() for bank in self.runs}
        self.hot: dict[str, float] = {}
        self.last_spoken = float("-inf")
        self.ready_total = 0
        self.changes = Snapshot()
        self.alarms: list[Alarm] = []
        self.notices: list[Notice] = []
        self.started = clock.now()
        self._timers: list[tuple[float, str]] = []
        self._timer_of: dict[str, float] = {}
        for run in self.runs.values():
            self.recount(run)

    # ---- boards

    def boards_of(self, run: BankRun) -> list[Board]:
        """The boards of a run, by bank and slot."""
        return [board for bank in run.banks for board in self.fleet.by_bank.get(bank, ())]

    def recount(self, run: BankRun) -> None:
        """Count a run's boards anew."""
        counts = self.counts[run.bank]
        names = [b.name for b in self.boards_of(run) if b.name not in self.excluded]
        counts.expected = len(names)
        counts.ready = sum(self.tracker[name].ready for name in names)
        counts.open = sum(is_open(self.tracker[name]) for name in names)

    def exclude(self, board: str) -> None:
        """Leave a board out of account from now on."""
        self.excluded.add(board)
        run = self.run_of.get(self.fleet.by_name[board].bank)
        if run is not None:
            self.recount(run)

    def apply(self, event: Event) -> Change:
        """Take an event in, and keep every count right."""
        change = self.tracker.apply(event)
        before, after = change.before, change.after
        if event.sign in _SPOKEN:
            self.last_spoken = max(self.last_spoken, event.at)
        if after is before:
            return change
        name = event.board
        self.ready_total += after.ready - before.ready
        run = self.run_of.get(self.fleet.by_name[name].bank)
        if run is not None and name not in self.excluded:
            self._count(run, before, after)
        self._note_heat(name, after)
        self._plan_timer(name, after)
        self.changes.boards[name] = (after, self.tracker.evidence(name))
        return change

    def _count(self, run: BankRun, before: Progress, after: Progress) -> None:
        counts = self.counts[run.bank]
        ready = after.ready - before.ready
        opened = is_open(after) - is_open(before)
        if ready or opened:
            counts.ready += ready
            counts.open += opened

    def _note_heat(self, name: str, progress: Progress) -> None:
        temperature = progress.health.temperature
        if temperature is None or progress.failed or progress.stage is Stage.OFF:
            self.hot.pop(name, None)
        elif temperature >= self.settings.max_temp_c - _WARM_C:
            self.hot[name] = temperature
        else:
            self.hot.pop(name, None)

    # ---- timers

    def _plan_timer(self, name: str, progress: Progress) -> None:
        when = deadline(progress, self.settings.timeouts)
        if when is None:
            return
        planned = self._timer_of.get(name)
        if planned is None or when < planned:
            self._timer_of[name] = when
            heapq.heappush(self._timers, (when, name))

    def next_timer(self) -> float | None:
        """When the next board may be overdue."""
        return self._timers[0][0] if self._timers else None

    def overdue(self, now: float) -> list[str]:
        """Boards whose time is over, taken off the list."""
        found = []
        while self._timers and self._timers[0][0] <= now:
            when, name = heapq.heappop(self._timers)
            if self._timer_of.get(name) != when:
                continue  # an earlier one was put in since
            del self._timer_of[name]
            actual = deadline(self.tracker[name], self.settings.timeouts)
            if actual is None:
                continue
            if actual <= now:
                found.append(name)
            else:
                self._timer_of[name] = actual
                heapq.heappush(self._timers, (actual, name))
        return found

    def postpone(self, name: str, until: float) -> None:
        """Look at a board's time again later."""
        self._timer_of[name] = until
        heapq.heappush(self._timers, (until, name))

    # ---- what is kept

    def touch(self, run: BankRun) -> None:
        """A run changed: keep it."""
        self.changes.runs[run.bank] = run

    def touch_board(self, name: str) -> None:
        """A board's own power changed: keep it."""
        self.changes.alone[name] = self.alone[name]

    def alarm(self, alarm: Alarm) -> None:
        """Keep an alarm."""
        self.alarms.append(alarm)
        self.changes.alarms.append(alarm)

    def notice(self, text: str, run: BankRun | None = None) -> Notice:
        """Tell people something."""
        notice = Notice(self.clock.now(), run.bank if run else 0, text)
        self.notices.append(notice)
        self.changes.notices.append(notice)
        return notice

    def measured(self, boot: BankBoot, outcomes: list[Outcome]) -> None:
        """A boot of a bank ended: history, kept."""
        self.history.add(outcomes)
        if boot.counts:
            self.history.present.add(boot.yielded, boot.minutes)
        self.changes.boots.append(boot)
        self.changes.outcomes += outcomes

    def taken(self, position: str) -> Snapshot:
        """What changed since the last time, to be kept."""
        changes = self.changes
        changes.now, changes.wall = self.clock.now(), self.clock.wall()
        changes.position = position
        self.changes = Snapshot()
        return changes

    def restore(self, saved: Saved) -> None:
        """Put back what a journal has kept."""
        self.started = saved.started
        self.alarms = list(saved.alarms)
        self.notices = list(saved.notices)
        self.alone = dict(saved.alone)
        for run in saved.runs:
            self.runs[run.bank] = run
            for bank in run.banks:
                self.run_of[bank] = run
        for name, (progress, lines) in saved.boards.items():
            if name not in self.fleet.by_name:
                continue  # it left the plan meanwhile
            self.tracker.restore(name, progress, lines)
            self._note_heat(name, progress)
            self._plan_timer(name, progress)
        for run in self.runs.values():
            self.recount(run)
        self.ready_total = sum(p.ready for p in self.tracker.boards.values())
        self.last_spoken = max(
            (p.heard for p in self.tracker.boards.values() if p.ready and p.heard is not None),
            default=float("-inf"),
        )


#: Boards within this much of the limit are kept an eye on, degrees.
_WARM_C = 10.0

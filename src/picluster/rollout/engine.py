"""A roll-out, batch by batch, until its end, a stop, or a cancel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from picluster.errors import PiclusterError
from picluster.rollout.batches import Batch
from picluster.rollout.ports import Answers, Clock, Servers
from picluster.rollout.report import (
    CANCELLED,
    DONE,
    INCOMPLETE,
    LOST,
    BoardResult,
    Outcome,
    Report,
    lost,
    stops,
)
from picluster.rollout.waiting import Patience, Waiting

#: Longest wait between two looks whether somebody cancels, seconds.
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """What is rolled out.

    Attributes:
        cluster: name of the cluster.
        action: ``deploy``, ``undeploy`` or ``rollback``.
        workload: its name.
        version: empty for none of it.
        order: name of the roll-out, 16 hex digits.
        budget: boards a batch may lose.
        patience: see :class:`~picluster.rollout.waiting.Patience`.
    """

    cluster: str
    action: str
    workload: str
    version: str
    order: str
    budget: int
    patience: Patience


@dataclass(frozen=True, slots=True)
class World:
    """What a roll-out needs of the world."""

    clock: Clock
    servers: Servers
    answers: Answers


def _silent(_: str) -> None:
    """Nobody watches."""


class Engine:
    """Runs one roll-out; :meth:`cancel` may come from a signal.

    Args:
        job: what.
        batches: to whom, in order.
        unchanged: boards that have it already.
        why_absent: why boards are not ready, by name.
        world: see :class:`World`.
        say: told in one line what happens.
    """

    def __init__(
        self,
        job: Job,
        batches: Sequence[Batch],
        unchanged: Collection[str],
        why_absent: dict[str, str],
        world: World,
        say: Callable[[str], object] = _silent,
    ) -> None:
        self._job = job
        self._batches = list(batches)
        self._unchanged = frozenset(unchanged)
        self._why_absent = why_absent
        self._world = world
        self._say = say
        self._cancelled = threading.Event()
        self._stopped = ""
        self._results: dict[str, BoardResult] = {}

    def cancel(self) -> None:
        """End soon; boards that were told go on by themselves."""
        self._cancelled.set()

    def run(self) -> Report:
        """Run it to its end."""
        began = self._world.clock.now()
        for batch in self._batches:
            if self._stopped or self._cancelled.is_set():
                self._leave(batch)
            else:
                self._batch(batch)
        return self._report(self._world.clock.now() - began)

    def _leave(self, batch: Batch) -> None:
        why = "the roll-out was cancelled before" if not self._stopped else "the roll-out stopped"
        for name in (*batch.boards, *batch.absent):
            self._results[name] = BoardResult(name, batch.bank, Outcome.UNTOUCHED, why)

    def _batch(self, batch: Batch) -> None:
        told = [name for name in batch.boards if name not in self._unchanged]
        results = {
            name: BoardResult(name, batch.bank, Outcome.UNCHANGED)
            for name in batch.boards
            if name in self._unchanged
        }
        results |= self._told(batch, told)
        for name in batch.absent:
            why = self._why_absent.get(name, "not ready")
            results[name] = BoardResult(name, batch.bank, Outcome.ABSENT, why)
        self._results |= results
        self._judge(batch, list(results.values()))

    def _told(self, batch: Batch, told: list[str]) -> dict[str, BoardResult]:
        """Assign, ask to look, and wait."""
        servers, now = self._world.servers, self._world.clock.now
        try:
            servers.assign(batch.bank, [*told, *batch.absent], told)
        except PiclusterError as error:
            self._stopped = f"{batch.name}: {error}"
            why = f"not assigned: {error}"
            return {name: BoardResult(name, batch.bank, Outcome.UNREACHABLE, why) for name in told}
        waiting = Waiting(
            told, batch.bank, order=self._job.order, version=self._job.version, began=now(),
            patience=self._job.patience,
        )  # fmt: skip
        while waiting.open and not self._cancelled.is_set():
            for answer in self._world.answers.take(min(waiting.next_s(now()), _LOOK_S)):
                waiting.hear(answer, now())
            self._again(batch, waiting.due(now()))
            waiting.expire(now())
        waiting.cancel()
        return waiting.results

    def _again(self, batch: Batch, boards: list[str]) -> None:
        if not boards:
            return
        try:
            self._world.servers.poke(batch.bank, boards)
        except PiclusterError as error:
            self._say(f"{batch.name}: cannot ask again: {error}")

    def _judge(self, batch: Batch, results: list[BoardResult]) -> None:
        counted = dict.fromkeys(Outcome, 0)
        for result in results:
            counted[result.outcome] += 1
            if result.outcome in LOST:
                self._say(f"{result.name}: {result.outcome}: {result.reason}")
        words = ", ".join(f"{count} {name}" for name, count in counted.items() if count)
        self._say(f"{batch.name}: {words}")
        if not self._stopped and stops(results, self._job.budget):
            self._stopped = (
                f"{batch.name} lost {lost(results)} of {len(batch.boards)} boards, "
                f"{self._job.budget} are allowed"
            )
        if self._stopped:
            self._say(f"stopped: {self._stopped}")

    def _report(self, seconds: float) -> Report:
        job = self._job
        order = {name: place for place, name in enumerate(self._names())}
        boards = tuple(sorted(self._results.values(), key=lambda one: order[one.name]))
        some = {board.outcome for board in boards}
        status = INCOMPLETE if self._stopped or some & LOST else DONE
        if some & {Outcome.OPEN} or (self._cancelled.is_set() and Outcome.UNTOUCHED in some):
            status = CANCELLED
        return Report(
            job.cluster, job.action, job.workload, job.version, status, self._stopped,
            round(seconds, 2), boards,
        )  # fmt: skip

    def _names(self) -> list[str]:
        return [name for batch in self._batches for name in (*batch.boards, *batch.absent)]

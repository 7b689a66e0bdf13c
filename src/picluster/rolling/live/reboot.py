"""A rolling reboot of a real cluster, step by step.

What is done on boards and by hooks is done by whoever uses this, between the steps: boards are
drained and asked to reboot between :meth:`Reboot.begin` and :meth:`Reboot.finish`, and resumed
after it. Steps may be processes of their own: what they share is the record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from picluster.campaign.fleet import fleet_of
from picluster.campaign.journal.lock import lock_path, refuse_running
from picluster.campaign.live.campaign import Options as Campaign
from picluster.campaign.live.campaign import identity, journal_path
from picluster.errors import PiclusterError, refusal
from picluster.plan.model import AddressPlan
from picluster.rolling.account import report_of
from picluster.rolling.command import reason_line
from picluster.rolling.live.finish import Finish
from picluster.rolling.live.keeper import hold, release
from picluster.rolling.live.look import look
from picluster.rolling.live.prepare import prepared, refuse_unserved
from picluster.rolling.options import GO_ON, Options
from picluster.rolling.preview import Prepared, reboots, unasked
from picluster.rolling.record import Record, Told, load, record_path, save
from picluster.rolling.report import BoardResult, Outcome, Report, stop_reason
from picluster.rolling.table import words_of

_RESUMED = frozenset({Outcome.OK, Outcome.UNCHANGED, Outcome.UNDRAINED})


@dataclass(frozen=True, slots=True)
class Begun:
    """A batch that begins.

    Attributes:
        go: something is to be done for it.
        ask: boards to drain and to ask to reboot.
        hooks: what drains them, in order.
    """

    go: bool
    ask: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()


class Reboot:
    """See the module; :meth:`cancel` may come from a signal.

    Args:
        plan: the address plan.
        journal: file of the campaigns' journal; ``None`` for the user's own.
        reach: words before a command on a boot server, by its name.
        say: told in one line what happens.
        turn: called several times a second while something is waited for.
    """

    def __init__(
        self,
        plan: AddressPlan,
        journal: Path | None,
        reach: Mapping[str, Sequence[str]],
        say: Callable[[str], object] = lambda _: None,
        turn: Callable[[], object] = lambda: None,
    ) -> None:
        self._plan = plan
        self._journal = journal or journal_path(plan)
        self._campaign = Campaign(journal=self._journal, reach=reach)
        self._path = record_path(self._journal)
        self._fleet = fleet_of(plan)
        self._say = say
        self._turn = turn
        self._finish: Finish | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """End soon; boards that were asked go on by themselves."""
        self._cancelled = True
        if self._finish is not None:
            self._finish.cancel()

    # ---- before the first batch

    def prepare(self, options: Options, names: Sequence[str]) -> Prepared:
        """Find out what would be done; nothing is changed.

        Raises:
            PiclusterError: a campaign, roll-out or reboot runs, a boot server cannot be reached, or
                boards would find no image.
        """
        refuse_running(lock_path(self._journal))
        return self._prepare(options, names, self._last())

    def _last(self) -> Record | None:
        return load(self._path, identity(self._plan))

    def _prepare(self, options: Options, names: Sequence[str], last: Record | None) -> Prepared:
        return prepared(self._plan, self._campaign, options, names, last.drained if last else ())

    @property
    def hooks(self) -> set[str]:
        """Hooks that have drained boards and not resumed them."""
        last = self._last()
        return {hook for hooks in last.drained.values() for hook in hooks} if last else set()

    def start(self, options: Options, names: Sequence[str], process: int) -> Prepared:
        """Take the cluster for a process, and write what will be done.

        Raises:
            PiclusterError: as :meth:`prepare`, or a service boards need is not ready; nothing was
                touched.
        """
        keeper = hold(lock_path(self._journal), process)
        try:
            last = self._last()
            found = self._prepare(options, names, last)
            if found.changes:
                refuse_unserved(self._plan, self._campaign, found)
            record = Record(identity(self._plan), options, keeper, time.time(), list(found.batches))
            record.drained = dict(last.drained) if last else {}
            save(self._path, record)
        except BaseException:
            release(keeper)
            raise
        return found

    # ---- a batch

    def begin(self, names: Sequence[str]) -> Begun:
        """Begin the batch of these boards, unless an earlier one has stopped it all."""
        record = self._record()
        self._account_broken(record)
        self._stop_unresumed(record)
        batch = record.batch_of(names)
        if batch is None or record.stopped or record.cancelled:
            return Begun(go=False)
        try:
            boards = look(self._plan, batch.boards, self._campaign)
        except PiclusterError as error:
            record.stopped = f"{batch.title}: {error.problems[0]}"
            self._save(record)
            self._say(f"stopped: {record.stopped}")
            return Begun(go=False)
        ask = [one for one in boards.values() if reboots(one, record.options) and one.next]
        others = [unasked(one) for one in boards.values() if one not in ask]
        if not ask and not record.to_resume(one.name for one in others if one.outcome in _RESUMED):
            record.results |= {one.name: one for one in others}
            self._save(record)
            self._say(f"{batch.title}: {words_of(others)}")
            return Begun(go=False)
        record.told = Told(
            batch.bank,
            batch.title,
            {one.name: one.boot for one in ask},
            {one.name: one.next for one in ask},
            others,
        )
        names = [one.name for one in ask]
        record.drain(names, record.options.hooks)
        self._save(record)
        if names:
            self._say(f"{batch.title}: {len(names)} of {len(batch.boards)} boards reboot")
        return Begun(True, tuple(names), record.options.hooks if names else ())

    def _account_broken(self, record: Record) -> None:
        """Account for a batch that never came to its end: no host of it was left to go on."""
        told = record.told
        if told is None:
            return
        results = [*told.results, *_undrained(told, "its drain was not finished")]
        record.results |= {one.name: one for one in results}
        record.told = None
        record.stopped = record.stopped or f"{told.title}: its drain was not finished"
        self._save(record)
        self._say(f"stopped: {record.stopped}")

    def _stop_unresumed(self, record: Record) -> None:
        """Stop where boards of an earlier batch are still to be resumed: no host of it was left."""
        well = [one.name for one in record.results.values() if one.outcome in _RESUMED]
        if record.stopped or not record.to_resume(well):
            return
        record.stopped = "boards could not be resumed: it was not finished"
        self._save(record)
        self._say(f"stopped: {record.stopped}")

    def undrained(self, why: str) -> None:
        """A drain has failed: no board of the batch is asked to reboot."""
        record, told = self._under_way()
        why = reason_line(why)
        told.results += _undrained(told, f"not drained: {why}")
        told.boots = {}
        self._say(f"{told.title}: its drain failed, so that no board of it reboots: {why}")
        if record.options.drain_failed != GO_ON:
            record.stopped = f"{told.title}: its drain failed"
        self._save(record)

    def finish(self, unreached: Mapping[str, str]) -> list[tuple[str, list[str]]]:
        """Wait for the batch, and account for every board of it.

        Args:
            unreached: boards that could not be asked, with the reason.

        Returns:
            Hooks, with the boards that each of them has to resume.
        """
        record, told = self._under_way()
        self._finish = Finish(
            self._plan, self._fleet, self._campaign, record.options, self._say, self._turn
        )
        if self._cancelled:
            self._finish.cancel()
        lost = {name: reason_line(why) for name, why in unreached.items()}
        try:
            results = [*told.results, *self._finish.run(told, lost)]
        except PiclusterError as error:
            record.stopped = f"{told.title}: {error.problems[0]}"
            why = f"asked to reboot, and not heard: {error.problems[0]}"
            open_ = (BoardResult(n, told.bank, Outcome.OPEN, why) for n in told.boots)
            results = [*told.results, *open_]
        record.results |= {one.name: one for one in results}
        record.cancelled = self._finish.cancelled
        record.told = None
        self._say(f"{told.title}: {words_of(results)}")
        record.stopped = record.stopped or stop_reason(results, record.options.budget, told.title)
        self._save(record)
        if record.stopped:
            self._say(f"stopped: {record.stopped}")
        return record.to_resume(one.name for one in results if one.outcome in _RESUMED)

    def resumed(self, resumes: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Hooks have resumed boards."""
        record = self._record()
        for hook, names in resumes:
            record.resumed(hook, names)
        self._save(record)

    def unresumed(self, why: str) -> None:
        """A hook that resumes has failed: its boards stay in the record for the next run."""
        record, why = self._record(), reason_line(why)
        record.notices.append(f"not resumed: {why}")
        record.stopped = record.stopped or f"boards could not be resumed: {why}"
        self._save(record)
        self._say(f"stopped: {record.stopped}")

    # ---- after the last batch

    def report(self) -> Report:
        """How it went, or goes: of a batch that is under way, boards are open."""
        return report_of(self._record(), self._plan.cluster.name, time.time())

    def end(self) -> Report:
        """The report; the cluster is free again."""
        record = self._record()
        self._account_broken(record)
        report = self.report()
        save(self._path, replace(record, keeper=0))
        release(record.keeper)
        return report

    def _record(self) -> Record:
        record = self._last()
        if record is None:
            raise refusal("no reboot is under way", "run playbooks/reboot.yml", file=self._path)
        return record

    def _save(self, record: Record) -> None:
        """Keep it, unless another run has begun since this step did: then ours was killed."""
        if self._record().keeper != record.keeper:
            raise refusal("another reboot has begun meanwhile", "see what it says", file=self._path)
        save(self._path, record)

    def _under_way(self) -> tuple[Record, Told]:
        record = self._record()
        if record.told is None:
            raise refusal("no batch is under way", "run playbooks/reboot.yml", file=self._path)
        return record, record.told


def _undrained(told: Told, why: str) -> list[BoardResult]:
    """The results of boards that were to reboot and are not asked."""
    return [BoardResult(name, told.bank, Outcome.UNDRAINED, why) for name in told.boots]

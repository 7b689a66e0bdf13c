"""A roll-out on a real cluster, from its plan to its report."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from picluster.campaign.fleet import Fleet, fleet_of
from picluster.campaign.journal.lock import ROLLOUT, Lock, lock_path, refuse_running
from picluster.campaign.live.campaign import Options as CampaignOptions
from picluster.campaign.live.campaign import journal_path, reaches_of
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.reach import Reach
from picluster.campaign.live.status import BoardStatus, status_of
from picluster.campaign.stages import Stage
from picluster.cluster.model import CANARY
from picluster.errors import refusal, shown
from picluster.plan.model import AddressPlan
from picluster.rollout.batches import batches_of
from picluster.rollout.engine import Engine, Job, World
from picluster.rollout.live.answers import LiveAnswers
from picluster.rollout.live.servers import BootServers
from picluster.rollout.options import Options
from picluster.rollout.ports import Answer, Answers
from picluster.rollout.prepared import Prepared
from picluster.rollout.report import Report
from picluster.rollout.target import refuse_memory, target_of, unchanged
from picluster.rollout.waiting import Patience

#: Time for the copies of a version, and for a look that was under way, seconds.
_MARGIN_S = 60.0


class LiveRollout:
    """A roll-out with everything it needs; :meth:`cancel` may come from a signal.

    Args:
        plan: the address plan.
        options: see :class:`Options`.
        say: told in one line what happens.
    """

    def __init__(
        self, plan: AddressPlan, options: Options, say: Callable[[str], object] = lambda _: None
    ) -> None:
        self._plan = plan
        self._options = options
        self._say = say
        self._fleet: Fleet = fleet_of(plan)
        self._journal = options.journal or journal_path(plan)
        self._names = self._meant()
        banks = sorted({self._fleet.by_name[name].bank for name in self._names})
        self._campaign = CampaignOptions(
            banks=tuple(banks), journal=self._journal, reach=options.reach
        )
        self._reaches: list[Reach] = reaches_of(plan, banks, self._campaign)
        served = {bank.number: bank.boot_server for bank in plan.cluster.banks}
        root = plan.cluster.export_root
        self._servers = BootServers(self._reaches, served, root, self._fleet)
        self._engine: Engine | None = None
        self._cancelled = False

    def _meant(self) -> list[str]:
        unknown = [name for name in self._options.nodes if name not in self._fleet.by_name]
        if unknown:
            raise refusal(f"no node is called {shown(unknown[0])[1:-1]}", "see picluster plan")
        names = list(self._options.nodes) or [board.name for board in self._fleet.boards]
        if not names:
            raise refusal("the plan has no board", "pin boards: picluster harvest")
        return names

    def cancel(self) -> None:
        """End soon; boards that were told go on by themselves."""
        self._cancelled = True
        if self._engine is not None:
            self._engine.cancel()

    def prepare(self) -> Prepared:
        """Find out what would be done; nothing is changed.

        Raises:
            PiclusterError: a campaign or another roll-out runs, a boot server cannot be reached,
                or the roll-out is refused: see :mod:`picluster.rollout.target`.
        """
        refuse_running(lock_path(self._journal))
        return self._prepare()

    def _prepare(self) -> Prepared:
        options = self._options
        shelves = self._servers.look()
        target = target_of(options.action, options.workload, options.version, shelves)
        boards = [self._fleet.by_name[name] for name in self._names]
        refuse_memory(target, boards, shelves, options.limits)
        if target.version.name:
            self._servers.verify(target.workload, target.version.name)
        found, problems = status_of(self._plan, self._campaign)
        if problems:
            raise refusal(str(problems[0]), "every boot server has to answer")
        ready = {one.name for one in found if _ready(one)}
        canary = [bank.number for bank in self._plan.cluster.banks if bank.image == CANARY]
        same = set() if options.recheck else unchanged(target, boards, shelves)
        return Prepared(
            target,
            tuple(batches_of(self._fleet, self._names, ready, canary[0] if canary else None)),
            frozenset(same & ready),
            {one.name: _why(one) for one in found if one.name not in ready},
            tuple(shelves),
        )

    def run(self) -> Report:
        """Roll out, to the end.

        Raises:
            PiclusterError: as :meth:`prepare`; nothing was assigned.
        """
        with Lock(lock_path(self._journal), ROLLOUT):
            found = self._prepare()
            if not found.changes:
                return self._run(found, _NoAnswers())
            workload = self._options.workload
            with LiveAnswers(self._fleet, self._reaches, workload) as answers:
                return self._run(found, answers)

    def _run(self, found: Prepared, answers: Answers) -> Report:
        order, options = secrets.token_hex(8), self._options
        self._servers.begin(order, found.target, found.shelves)
        patience = Patience(
            answer_s=options.answer_s,
            # one that runs the version and is ill has its time first, and is started anew after it
            end_s=2 * found.target.start_s + found.target.drain_s + _MARGIN_S,
        )
        job = Job(
            self._plan.cluster.name, options.action, options.workload, found.target.version.name,
            order, options.budget, patience,
        )  # fmt: skip
        world = World(SystemClock(), self._servers, answers)
        self._engine = engine = Engine(
            job, found.batches, found.unchanged, found.why_absent, world, self._say
        )
        if self._cancelled:
            engine.cancel()
        report = engine.run()
        place = {board.name: number for number, board in enumerate(self._fleet.boards)}
        boards = sorted(report.boards, key=lambda one: place[one.name])
        return replace(report, boards=tuple(boards))


class _NoAnswers:
    """Nobody is asked."""

    def take(self, _: float) -> Sequence[Answer]:
        """Nothing."""
        return []


def _ready(one: BoardStatus) -> bool:
    return one.stage == Stage.READY.value and not one.failed


def _why(one: BoardStatus) -> str:
    state = f"at stage {one.stage}" + (", failed there" if one.failed else "")
    return f"{state}: {one.reason}" if one.reason else state

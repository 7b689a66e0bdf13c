"""The one way every playbook goes that picluster runs for another tool."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from picluster.campaign.live.artefact import report_path
from picluster.campaign.live.campaign import journal_path
from picluster.cluster.load import find_description
from picluster.errors import PiclusterError, refusal
from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan
from picluster.runner.artefacts import Keeper
from picluster.runner.asked import Inventory, sources_of
from picluster.runner.collect import Collector
from picluster.runner.drive import Ended, drive, failure, never
from picluster.runner.events import Event, Watch
from picluster.runner.hidden import Scrubber, Secrets, named_secrets
from picluster.runner.nodes import bank_results
from picluster.runner.order import Order
from picluster.runner.project import find_project
from picluster.runner.result import End, NodeResult, RunResult
from picluster.runner.turn import Busy, BusyError, Turn

#: Exit statuses as the commands have them.
_CANCELLED = 130
_ENDS = {0: End.DONE, 3: End.SHORT}
#: How long a campaign may take to end in order after its playbook, seconds.
_SETTLE_S = 60.0


def _unwatched(_: Event) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is carried out, whatever it does.

    Attributes:
        watch: takes an :class:`Event` at a time, in a thread of the run's own. What it raises ends
            the run in order, and is raised again.
        cancel: asked several times a second, such as ``threading.Event().is_set``; the run ends in
            order when it says yes.
        busy: ``refuse`` or ``wait`` where another run has the cluster.
        wait_s: how long to wait then, seconds; ``None`` for any time.
        artefacts: folder to keep a small folder of this run in; ``None`` to keep nothing.
        secrets: what the run needs and nobody may read afterwards.
        variables: further extra variables of the playbook.
        journal: of the cluster's campaigns; ``None`` for the user's own.
        project: folder of the playbooks; ``None`` to find it, see docs/runner.md.
    """

    watch: Watch = _unwatched
    cancel: Callable[[], bool] = never
    busy: Busy = "refuse"
    wait_s: float | None = None
    artefacts: Path | None = None
    secrets: Secrets = field(default_factory=Secrets)
    variables: Mapping[str, Any] = field(default_factory=dict)
    journal: Path | None = None
    project: Path | None = None


class MakeNodes(Protocol):
    """Makes the nodes of a result."""

    def __call__(
        self, plan: AddressPlan, journal: Path, report: Mapping[str, Any], *, over: bool
    ) -> Iterable[NodeResult]:
        """Of a report, or of the journal where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Action:
    """A playbook and what it reports.

    Attributes:
        name: ``boot``, ``shutdown``, ``reboot`` or ``deploy``.
        playbook: path below the project.
        statistic: of ``set_stats`` that holds its report.
        journal: variable that names the journal.
        report: variable that names the file of the report.
        telling: tasks whose results hold lines for people, or what a check would do.
        nodes: makes the nodes of its result.
        mortal: it goes on no longer than this process; what it has begun can be resumed.
    """

    name: str
    playbook: str
    statistic: str
    journal: str
    report: str
    telling: frozenset[str]
    nodes: MakeNodes
    mortal: bool = True


def play(
    action: Action,
    inventory: Inventory,
    variables: Mapping[str, Any],
    *,
    limit: str | None,
    check: bool,
    options: Options,
) -> RunResult:
    """Run an action's playbook in the cluster's turn.

    Args:
        action: what to run.
        inventory: its sources.
        variables: extra variables of the action.
        limit: hosts, as Ansible takes them.
        check: change nothing; that needs no turn.
        options: how.

    Raises:
        BusyError: another run has the cluster.
        PiclusterError: refused, or the playbook failed without a report.
    """
    return _Play(action, inventory, variables, limit, check, options).run()


@dataclass(slots=True)
class _Play:
    action: Action
    inventory: Inventory
    variables: Mapping[str, Any]
    limit: str | None
    check: bool
    options: Options

    def run(self) -> RunResult:
        options, began = self.options, time.monotonic()
        sources = sources_of(self.inventory)
        plan = read_plan(find_description(sources[0]))
        project = (options.project or find_project(sources[0])).resolve()
        if not (project / self.action.playbook).is_file():
            raise refusal(f"the project has no {self.action.playbook}", file=project)
        journal = options.journal or journal_path(plan)
        named = {} if options.journal is None else {self.action.journal: str(journal.resolve())}
        variables = {**self.variables, **named, **options.variables}
        order = Order(
            project, self.action.playbook, sources, variables, self.limit, self.check,
            options.secrets, mortal=self.action.mortal,
        )  # fmt: skip
        if self.check:
            return self._once(order, plan, journal, None, began)
        while True:
            turn = Turn(journal, options.busy, options.wait_s, options.cancel, self._wait)
            with turn:
                try:
                    return self._once(order, plan, journal, turn, began)
                except PiclusterError as error:
                    # a campaign that somebody else started between our look and our playbook
                    if turn.taken() is None:
                        raise
                    if options.busy != "wait":
                        raise BusyError(error.problems) from None

    def _wait(self, why: str) -> None:
        self.options.watch(Event("waiting", why))

    def _once(
        self, order: Order, plan: AddressPlan, journal: Path, turn: Turn | None, began: float
    ) -> RunResult:
        action, options = self.action, self.options
        scrubber = self._scrubber()
        keeper = Keeper(options.artefacts, action.name, scrubber)
        collector = Collector(action.statistic, action.telling, scrubber.text, options.watch)

        def take(raw: dict[str, Any]) -> None:
            keeper.take(raw)
            collector.take(raw)

        options.watch(Event("started", action.playbook))
        since = time.time()
        try:
            ended = drive(
                order, take, options.cancel,
                lambda: options.watch(Event("cancelling", action.playbook)),
            )  # fmt: skip
            problems = self._settled(ended, turn)
            end = self._end(ended, collector)
        except BaseException as error:
            keeper.end("failed", 1, {"error": str(error) or type(error).__name__})
            raise
        if end is End.CANCELLED:
            collector.report = collector.report or self._written(order, plan, since)
            if collector.planned and not self.check:
                collector.lines = ()
            # what could not be stopped any more has come to its end
            end = _ENDS.get(collector.report.get("status", _CANCELLED), end)
        result = self._result(end, collector, scrubber, plan, journal)
        result = _with(result, problems, time.monotonic() - began, keeper.folder)
        keeper.end(end.value, result.status, result.plain())
        options.watch(Event("ended", end.value))
        return result

    def _scrubber(self) -> Scrubber:
        options = self.options
        own = (options.variables, self.variables, os.environ)
        named = [value for group in own for value in named_secrets(group)]
        return Scrubber(*options.secrets.values(), *named)

    def _settled(self, ended: Ended, turn: Turn | None) -> tuple[str, ...]:
        if not ended.cancelled or turn is None or turn.settled(_SETTLE_S):
            return ()
        return ("the campaign still runs, though its playbook has ended",)

    def _written(self, order: Order, plan: AddressPlan, since: float) -> Mapping[str, Any]:
        """The report of a run whose playbook was gone before it; empty where there is none."""
        given = order.variables.get(self.action.report)
        path = order.project / given if given else report_path(plan, self.action.name)
        try:
            if path.stat().st_mtime < since:
                return {}
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _end(self, ended: Ended, collector: Collector) -> End:
        """How it ended.

        Raises:
            PiclusterError: it failed, and no report says how.
        """
        if ended.cancelled and not (ended.status == 0 and collector.finished):
            return End.CANCELLED
        if ended.status == 0:
            return End.DONE
        if collector.report:
            interrupted = collector.report.get("status") == _CANCELLED
            return End.CANCELLED if interrupted else End.SHORT
        raise failure(self.action.playbook, collector.reasons(), collector.output)

    def _result(
        self,
        end: End,
        collector: Collector,
        scrubber: Scrubber,
        plan: AddressPlan,
        journal: Path,
    ) -> RunResult:
        report = scrubber.data(collector.report)
        over = end is not End.CANCELLED
        made = self.action.nodes(plan, journal, report, over=over)
        return RunResult(
            self.action.name,
            plan.cluster.name,
            end,
            next((status for status, one in _ENDS.items() if one is end), _CANCELLED),
            tuple(made),
            tuple(bank_results(report)),
            tuple(map(scrubber.text, collector.lines)),
            scrubber.data(collector.preview) if self.check else report,
        )


def _with(
    result: RunResult, problems: tuple[str, ...], seconds: float, artefacts: Path | None
) -> RunResult:
    return replace(
        result,
        problems=(*result.problems, *problems),
        seconds=round(seconds, 3),
        artefacts=artefacts,
    )

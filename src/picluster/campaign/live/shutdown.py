"""Shut banks of a real cluster down: the boards first, then their power.

The boards themselves are asked to halt by whoever uses this, between :meth:`Shutdown.prepare` and
:meth:`Shutdown.wait`: it takes a login on each.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from itertools import repeat

from picluster.campaign.fleet import Fleet, fleet_of
from picluster.campaign.journal import SqliteJournal
from picluster.campaign.journal.lock import lock_path, refuse_running
from picluster.campaign.journal.saved import Snapshot
from picluster.campaign.live.campaign import (
    Options,
    banks_of,
    identity,
    journal_path,
    reaches_of,
)
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.power import LivePower
from picluster.campaign.live.reach import Reach
from picluster.campaign.live.status import BoardStatus, status_of
from picluster.campaign.ports import PowerResult
from picluster.campaign.progress import Progress
from picluster.campaign.runs import BankRun, Phase
from picluster.campaign.scope import runs_of
from picluster.campaign.shutdown import (
    Halted,
    ShutdownPlan,
    ShutdownReport,
    refuse_others,
    report_of,
    troubles,
)
from picluster.campaign.stages import Stage
from picluster.errors import PiclusterError
from picluster.plan.model import AddressPlan
from picluster.power.control import Watch
from picluster.power.desk import PowerDesk
from picluster.power.driver import StepResult
from picluster.power.model import Action, PowerPlan
from picluster.power.targets import Selection

#: More than the wait itself: to start a program on a boot server.
_MARGIN_S = 30.0
_RUNNING = frozenset({Stage.UP.value, Stage.READY.value})


@dataclass(frozen=True, slots=True)
class Silence:
    """What is heard of boards that were asked to halt.

    Attributes:
        answering: names of those that still answer.
        problems: boot servers that could not listen; their boards count as silent.
    """

    answering: tuple[str, ...]
    problems: tuple[str, ...] = ()


class Shutdown:
    """A shutdown of banks.

    Args:
        plan: the address plan.
        desk: the cluster's power.
        options: banks or limit, journal, and the way to the boot servers.

    Raises:
        PiclusterError: a bank is not described or has no outlet, a limit names a part of one, an
            outlet is shared with a bank that was not named.
    """

    def __init__(self, plan: AddressPlan, desk: PowerDesk, options: Options) -> None:
        self._plan = plan
        self._desk = desk
        self._options = options
        self._journal = options.journal or journal_path(plan)
        self.fleet: Fleet = fleet_of(plan)
        power = LivePower(desk, SystemClock(), _unheard)
        try:
            banks = banks_of(options, plan, self.fleet, power)
            self._runs = runs_of(banks, self.fleet, power)
        finally:
            power.close()
        self._banks = [bank for run in self._runs for bank in run.banks]

    def _selection(self) -> Selection:
        return self._desk.select([f"bank_{bank}" for bank in self._banks])

    def prepare(self) -> ShutdownPlan:
        """Say who would be asked to halt and what would be switched.

        Raises:
            PiclusterError: a campaign is running, or boards nobody named would lose power.
        """
        refuse_running(lock_path(self._journal))
        power, unread = asyncio.run(self._look())
        options = Options(
            tuple(self._banks), journal=self._options.journal, reach=self._options.reach
        )
        boards, unheard = status_of(self._plan, options)
        return ShutdownPlan(
            banks=tuple(self._banks),
            boards={bank: len(self.fleet.by_bank[bank]) for bank in self._banks},
            # where a boot server could not say who runs, all are asked
            ask=tuple(board.name for board in boards if unheard or _runs(board)),
            power=power,
            unread=(*unread, *map(str, unheard)),
        )

    async def _look(self) -> tuple[PowerPlan, list[str]]:
        selection = self._selection()
        readings = await self._desk.look(Action.OFF, selection)
        plan = self._desk.plan(Action.OFF, selection, readings.values())
        refuse_others(plan, self.fleet)
        return plan, sorted({str(one.problem) for one in readings.values() if one.problem})

    def wait(self, names: Collection[str], limit_s: float) -> Silence:
        """Wait until boards that were asked to halt are silent, as their boot servers hear it.

        Args:
            names: of the boards.
            limit_s: how long to wait at most, seconds.
        """
        served = {bank.number: bank.boot_server for bank in self._plan.cluster.banks}
        boards = [self.fleet.by_name[name] for name in names]
        waits = {
            reach: [board.address for board in boards if served[board.bank] == reach.name]
            for reach in reaches_of(self._plan, self._banks, self._options)
        }
        with ThreadPoolExecutor(max_workers=max(1, len(waits))) as pool:
            heard = list(pool.map(_listen, waits, waits.values(), repeat(limit_s)))
        return Silence(
            tuple(self.fleet.by_address[address].name for found, _ in heard for address in found),
            tuple(problem for _, problem in heard if problem),
        )

    def off(self, halted: Halted, watch: Watch | None = None) -> ShutdownReport:
        """Switch the banks off, verified, and keep that in the journal.

        An unfinished campaign of any of these banks is given up.

        Args:
            halted: how the boards took it, for the report.
            watch: told when an outlet is switched.

        Raises:
            PiclusterError: a campaign is running, or boards nobody named would lose power.
        """
        clock = SystemClock()
        with SqliteJournal(self._journal, identity(self._plan), clock) as journal:
            notices = self._give_up(journal)
            results = asyncio.run(self._switch(watch))
            off = {run.bank: troubles(self._outlets(run).outlets, results) for run in self._runs}
            report = report_of(
                self.fleet,
                self._runs,
                halted,
                off,
                switched=sum(result.done for result in results),
                notices=notices,
            )
            done = [run for run in self._runs if not off[run.bank]]
            if done:
                journal.start([run.bank for run in done], {"shutdown": True})
                journal.save(self._snapshot(done, clock))
                journal.finish(report.plain())
        return report

    def _give_up(self, journal: SqliteJournal) -> list[str]:
        saved = journal.unfinished()
        if saved is None or not set(saved.scope) & set(self._banks):
            return []
        journal.abandon()
        return ["an unfinished campaign of these banks is given up"]

    def _outlets(self, run: BankRun) -> Selection:
        return self._desk.select([f"bank_{bank}" for bank in run.banks])

    async def _switch(self, watch: Watch | None) -> tuple[StepResult, ...]:
        plan, _ = await self._look()
        return await self._desk.carry_out(plan, watch)

    def _snapshot(self, runs: list[BankRun], clock: SystemClock) -> Snapshot:
        now = clock.now()
        gone = Progress(Stage.OFF, now, began=now, moved=now)
        boards = (board for run in runs for bank in run.banks for board in self.fleet.by_bank[bank])
        return Snapshot(
            now,
            clock.wall(),
            runs={
                run.bank: BankRun(run.bank, run.banks, Phase.OFF, now, done_at=now) for run in runs
            },
            boards={board.name: (gone, ()) for board in boards},
        )


def _runs(board: BoardStatus) -> bool:
    return board.stage in _RUNNING and not board.failed


def _unheard(_: PowerResult) -> None:
    """Nothing is ordered."""


def _listen(reach: Reach, addresses: list[str], limit_s: float) -> tuple[list[str], str]:
    """The addresses that still answer in the end, and why that is not known."""
    if not addresses:
        return [], ""
    program = files("picluster.campaign.live").joinpath("echo.py").read_text("utf-8")
    words = ["python3", "-I", "-", json.dumps({"addresses": addresses, "limit_s": limit_s})]
    try:
        text = reach.run(words, text=program, limit_s=limit_s + _MARGIN_S)
        answering = json.loads(text)["answering"]
    except PiclusterError as error:
        return [], str(error)
    except (ValueError, KeyError, TypeError):
        return [], f"{reach.name} did not say who still answers"
    return [address for address in addresses if address in answering], ""

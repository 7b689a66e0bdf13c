"""What a campaign would do, without doing any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from picluster.campaign.fleet import Fleet, fleet_of
from picluster.campaign.journal.status import read_status
from picluster.campaign.live.campaign import (
    Options,
    banks_of,
    identity,
    journal_path,
    reaches_of,
    settings_of,
)
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.power import LivePower
from picluster.campaign.live.services import LiveServices
from picluster.campaign.policy.view import needed
from picluster.campaign.ports import PowerResult, ServiceState
from picluster.campaign.runs import BankRun
from picluster.campaign.scope import runs_of
from picluster.campaign.settings import Settings
from picluster.errors import PiclusterError
from picluster.plan.model import AddressPlan
from picluster.power.desk import PowerDesk
from picluster.power.driver import Reading
from picluster.power.model import Action, Outlet, OutletState, PowerPlan
from picluster.registry.model import State


@dataclass(frozen=True, slots=True)
class BankPreview:
    """What would happen to banks that share their outlets, mostly one.

    Attributes:
        banks: their numbers.
        batch: the batch they would be switched on with, from 1.
        boards: boards that count.
        needed: of them, enough.
        on: they have power already; ``None`` where nobody knows.
        steps: outlets that would be switched for them, in order: ``pdu-1:1 (bank_11)``.
        obstacle: why they would get no power; empty when nothing is in the way.
    """

    banks: tuple[int, ...]
    batch: int
    boards: int
    needed: int
    on: bool | None
    steps: tuple[str, ...]
    obstacle: str

    def __str__(self) -> str:
        title = BankRun(self.banks[0], self.banks).title
        line = f"{self.batch}. {title} ({self.boards} boards, {self.needed} are enough): "
        if self.obstacle:
            return f"{line}no power: {self.obstacle}"
        if self.on:
            return f"{line}has power already, its boards would be listened for"
        known = "is off" if self.on is False else "may have power or not"
        return f"{line}{known}, would be switched on: {', then '.join(self.steps)}"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a campaign would do.

    Attributes:
        resumes: an unfinished campaign would go on.
        services: what the services say; DHCP is not asked, for a board might have its address.
        banks: in the order in which they would get power.
        unread: why outlets could not be read.
    """

    resumes: bool
    services: tuple[ServiceState, ...]
    banks: tuple[BankPreview, ...]
    unread: tuple[str, ...]

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        return asdict(self)

    @property
    def switches(self) -> bool:
        """Whether anything would be switched."""
        return any(bank.steps for bank in self.banks)

    def lines(self) -> list[str]:
        """It for people."""
        bad = [f"not ready: {one.name}: {one.why}" for one in self.services if not one.ready]
        unread = [f"not read, taken for unknown: {problem}" for problem in self.unread]
        resumed = ["an unfinished campaign would be resumed"] if self.resumes else []
        return [*bad, *unread, *resumed, *map(str, self.banks)]


def preview(plan: AddressPlan, desk: PowerDesk, options: Options) -> Preview:
    """Say what a campaign would do: outlets are read and services tried, nothing is switched.

    Raises:
        PiclusterError: as :meth:`picluster.campaign.live.campaign.LiveCampaign.run` would, but for
            services that are not ready and a campaign that is running.
    """
    fleet, clock = fleet_of(plan), SystemClock()
    power = LivePower(desk, clock, _unheard)
    try:
        banks = banks_of(options, plan, fleet, power)
        runs = runs_of(banks, fleet, power)
    finally:
        power.close()
    kept = read_status(options.journal or journal_path(plan), identity(plan))
    names = [f"bank_{bank}" for bank in banks]
    readings = asyncio.run(desk.look(Action.ON, desk.select(names)))
    unread = tuple(sorted({str(one.problem) for one in readings.values() if one.problem}))
    services = LiveServices(
        plan.cluster, fleet, reaches_of(plan, banks, options), ask_dhcp=False
    ).check(banks)
    maker = _Maker(fleet, desk, settings_of(options.settings, desk), readings)
    return Preview(
        bool(kept and kept.running and not options.fresh),
        tuple(services),
        tuple(maker.banks(runs)),
        unread,
    )


def _unheard(_: PowerResult) -> None:
    """Nothing is ordered."""


class _Maker:
    """Plans bank by bank, each as if those before were on."""

    def __init__(
        self, fleet: Fleet, desk: PowerDesk, settings: Settings, readings: dict[Outlet, Reading]
    ) -> None:
        self._fleet = fleet
        self._desk = desk
        self._settings = settings
        self._readings = readings
        self._on = 0

    def banks(self, runs: list[BankRun]) -> Iterator[BankPreview]:
        """One for each run, in order."""
        for index, run in enumerate(runs):
            yield self._bank(run, index // self._settings.batch_size + 1)

    def _bank(self, run: BankRun, batch: int) -> BankPreview:
        boards = [board for bank in run.banks for board in self._fleet.by_bank.get(bank, ())]
        counted = sum(board.state is State.ACTIVE for board in boards)
        selection = self._desk.select([f"bank_{bank}" for bank in run.banks])
        states = {self._readings[outlet].state for outlet in selection.outlets}
        known = {frozenset({OutletState.ON}): True, frozenset({OutletState.OFF}): False}
        on = known.get(frozenset(states))
        steps: tuple[str, ...] = ()
        obstacle = self._full(run)
        if not obstacle and not on:
            try:
                plan = self._desk.plan(Action.ON, selection, self._readings.values())
            except PiclusterError as error:
                obstacle = str(error.problems[0])
            else:
                steps = tuple(f"{one.outlet} ({', '.join(one.loads)})" for one in plan.steps)
                self._take_for_on(plan)
        if not obstacle:
            self._on += len(run.banks)
        enough = needed(counted, self._settings.quorum)
        return BankPreview(run.banks, batch, counted, enough, on, steps, obstacle)

    def _full(self, run: BankRun) -> str:
        most = self._settings.max_banks_on
        if most is None or self._on + len(run.banks) <= most:
            return ""
        return f"max_banks_on is {most}, and so many would have power"

    def _take_for_on(self, plan: PowerPlan) -> None:
        for step in plan.steps:
            self._readings[step.outlet] = Reading(step.outlet, OutletState.ON)

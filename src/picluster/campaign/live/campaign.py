"""A campaign of a real cluster, from its plan to its report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from picluster.campaign.engine import Audience, Engine, World
from picluster.campaign.fleet import Fleet, fleet_of
from picluster.campaign.journal import SqliteJournal
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.inbox import LiveInbox
from picluster.campaign.live.power import LivePower
from picluster.campaign.live.reach import Reach, reach_of
from picluster.campaign.live.services import LiveServices
from picluster.campaign.policy import FirstResult, Policy, Priced, UntilAllUp
from picluster.campaign.ports import PowerControl
from picluster.campaign.report import Report
from picluster.campaign.scope import banks_of_limit
from picluster.campaign.settings import Settings
from picluster.errors import os_errors
from picluster.plan.model import AddressPlan
from picluster.power.desk import PowerDesk

#: Policies by name.
POLICIES: Mapping[str, Callable[[], Policy]] = {
    "priced": Priced,
    "until-all-up": UntilAllUp,
    "first-result": FirstResult,
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may say of a campaign.

    Attributes:
        banks: numbers of banks; empty for all.
        limit: names of nodes instead, as Ansible's ``--limit`` leaves them.
        settings: the knobs.
        policy: name of a policy.
        journal: file of the journal; ``None`` for the user's own.
        reach: words before a command on a boot server, by its name.
        files: log files of this machine to follow beside the journals.
        fresh: give an unfinished campaign up.
        locked: whoever runs it holds the cluster's lock.
        fresh_s: what nodes said longer ago says nothing of the present, seconds; ``None`` for the
            time of a heartbeat.
    """

    banks: tuple[int, ...] = ()
    limit: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    policy: str = "priced"
    journal: Path | None = None
    reach: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    fresh: bool = False
    locked: bool = False
    fresh_s: float | None = None


def identity(plan: AddressPlan) -> str:
    """What a journal calls its cluster: its name and network."""
    return f"{plan.cluster.name} {plan.cluster.network}"


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's folder of journals and reports, made."""
    state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    folder = Path(state) / "picluster"
    with os_errors("make the folder of the journal", folder, "name a file with --journal"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def journal_path(plan: AddressPlan, environ: Mapping[str, str] = os.environ) -> Path:
    """The user's journal of a cluster, its folder made."""
    return state_folder(environ) / f"{plan.cluster.name}.campaign.db"


def reaches_of(plan: AddressPlan, banks: Sequence[int], options: Options) -> list[Reach]:
    """The boot servers of banks, each with the way to it."""
    names = {bank.boot_server for bank in plan.cluster.banks if bank.number in set(banks)}
    return [
        reach_of(server, options.reach.get(server.name))
        for server in plan.cluster.servers
        if server.name in names
    ]


def banks_of(options: Options, plan: AddressPlan, fleet: Fleet, power: PowerControl) -> list[int]:
    """The banks that are meant, in the order in which they get power.

    Raises:
        PiclusterError: a bank is not described, or a limit names a part of one.
    """
    if options.limit:
        return banks_of_limit(options.limit, fleet, power)
    for bank in options.banks:
        plan.cluster.bank(bank)  # refused unless described
    return list(options.banks) or list(fleet.by_bank)


def settings_of(settings: Settings, desk: PowerDesk) -> Settings:
    """Settings within what the description allows: no more banks on than its ``max_banks_on``."""
    limits = (settings.max_banks_on, desk.model.limits.max_banks_on)
    known = [limit for limit in limits if limit is not None]
    return replace(settings, max_banks_on=min(known)) if known else settings


class LiveCampaign:
    """A campaign with everything it needs; :meth:`cancel` may come from a signal.

    Args:
        plan: the address plan.
        desk: the cluster's power.
        options: see :class:`Options`.
        audience: people who watch.
    """

    def __init__(
        self,
        plan: AddressPlan,
        desk: PowerDesk,
        options: Options,
        audience: Audience | None = None,
    ) -> None:
        self._plan = plan
        self._desk = desk
        self._options = options
        self._audience = audience
        self._engine: Engine | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """End soon without touching power."""
        self._cancelled = True
        if self._engine is not None:
            self._engine.cancel()

    def run(self) -> Report:
        """Run it to its end.

        Raises:
            PiclusterError: another campaign runs, the journal is another cluster's, a bank is not
                described or has no outlet, a boot server cannot be reached, or a service is not
                ready. Nothing was switched.
        """
        clock, options = SystemClock(), self._options
        fleet = fleet_of(self._plan)
        path = options.journal or journal_path(self._plan)
        who, locked = identity(self._plan), options.locked
        with SqliteJournal(path, who, clock, locked=locked) as journal:
            heartbeat_s = options.settings.timeouts.heartbeat
            fresh_s = heartbeat_s if options.fresh_s is None else options.fresh_s
            inbox = LiveInbox(fleet, clock, min(fresh_s, heartbeat_s))
            power = LivePower(self._desk, clock, inbox.power_result)
            try:
                banks = banks_of(options, self._plan, fleet, power)
                self._desk.select([f"bank_{bank}" for bank in banks])  # refuses one without outlet
                reaches = reaches_of(self._plan, banks, options)
                inbox.follow(reaches, options.files)
                services = LiveServices(self._plan.cluster, fleet, reaches)
                world = World(clock, power, inbox, services, journal)
                return self._engine_of(fleet, banks, world).run()
            finally:
                inbox.close()
                power.close()

    def _engine_of(self, fleet: Fleet, banks: list[int], world: World) -> Engine:
        options = self._options
        policy = POLICIES[options.policy]()
        self._engine = engine = Engine(
            fleet,
            banks,
            settings_of(options.settings, self._desk),
            policy,
            world,
            audience=self._audience,
            fresh=options.fresh,
        )
        if self._cancelled:
            engine.cancel()
        return engine

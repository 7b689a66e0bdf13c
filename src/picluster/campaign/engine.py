"""The campaign: one loop that takes in what happened and decides what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from picluster.campaign.events import Alarm, AlarmKind, Event, Sign
from picluster.campaign.fleet import Fleet
from picluster.campaign.heat import HeatGuard
from picluster.campaign.journal.saved import Journal, Notice, Saved
from picluster.campaign.policy import Policy
from picluster.campaign.ports import Batch, Clock, Inbox, PowerControl, PowerResult, Services
from picluster.campaign.powering import Powering
from picluster.campaign.report import Report
from picluster.campaign.reporting import report_of
from picluster.campaign.runs import BankRun, Phase
from picluster.campaign.scope import runs_of
from picluster.campaign.settings import Settings
from picluster.campaign.settling import Decided, Settling
from picluster.campaign.starting import Starting
from picluster.campaign.state import CampaignState
from picluster.errors import PiclusterError, Problem, refusal

#: Nothing is waited for longer than this, seconds: heat and holds are looked at now and then.
_PATIENCE_S = 10.0
_LEAST_S = 0.01
#: While what was missed is read, nothing is decided, seconds between two looks.
_BEHIND_S = 0.2
#: Where nobody at all is heard, the reading of messages is suspected, not the boards.
_BLIND_BOARDS = 2
_BLIND_AFTER_S = 90.0
_BLIND_S = 60.0
_BLIND_HEARTBEATS = 3
#: A good answer of the services holds for so long, seconds.
_SERVICES_FRESH_S = 60.0
_SERVICES_RETRY_S = 5.0
#: Lines about a board without power within this time are late, not an alarm, seconds.
_OFF_LATE_S = 5.0


@dataclass(frozen=True, slots=True)
class World:
    """The ports of a campaign."""

    clock: Clock
    power: PowerControl
    inbox: Inbox
    services: Services
    journal: Journal


def _nobody(_: object) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who watches a campaign.

    Attributes:
        observe: told what the campaign tells people.
        show: shown the state after every turn; to look at, not to change.
    """

    observe: Callable[[Notice], None] = _nobody
    show: Callable[[CampaignState], None] = _nobody


class Engine:
    """A campaign.

    Args:
        fleet: every board of the plan.
        banks: numbers of the banks to boot, in order.
        settings: the knobs.
        policy: decides about settled banks.
        world: clock, power, inbox, services, journal.
        audience: people who watch.
        fresh: give an unfinished campaign of the journal up instead of resuming it.

    Raises:
        PiclusterError: see :func:`picluster.campaign.scope.runs_of`; or the journal holds an
            unfinished campaign of other banks.
    """

    def __init__(
        self,
        fleet: Fleet,
        banks: Sequence[int],
        settings: Settings,
        policy: Policy,
        world: World,
        *,
        audience: Audience | None = None,
        fresh: bool = False,
    ) -> None:
        self._world = world
        self._policy = policy
        self._audience = audience or Audience()
        runs = runs_of(banks, fleet, world.power)
        self._saved = self._unfinished({run.bank for run in runs}, fresh=fresh)
        self.state = CampaignState(fleet, runs, settings, world.clock, world.journal.history())
        self._position = self._saved.position if self._saved else ""
        self._powering = Powering(self.state, world.power, world.journal, lambda: self._position)
        self._heat = HeatGuard(self.state, self._powering)
        self._settling = Settling(self.state, policy, self._powering, self._heat)
        self._starting = Starting(self.state, self._powering, self._heat)
        self._services_at: float | None = None
        self._services_bad_since: float | None = None
        self._services_next = 0.0
        self._blind_told = False
        self._cancelled = False
        self._told = 0

    @property
    def decided(self) -> list[Decided]:
        """Every decision, in order."""
        return self._settling.decided

    def cancel(self) -> None:
        """End soon, without touching power; the journal can be resumed. May come from a signal."""
        self._cancelled = True

    def run(self) -> Report:
        """Run the campaign to its end, or until it is cancelled.

        Raises:
            PiclusterError: the services are not ready: nothing was switched on.
        """
        self._begin()
        behind = False
        while not self._over() and not self._cancelled:
            patience = self._patience()
            batch = self._world.inbox.take(max(patience, _BEHIND_S) if behind else patience)
            behind = batch.behind
            self._take(batch)
            if not batch.behind:
                self._act(self._world.clock.now())
            self._keep()
        return self._end()

    # ---- beginning and end

    def _unfinished(self, wanted: set[int], *, fresh: bool) -> Saved | None:
        journal = self._world.journal
        saved = journal.unfinished()
        if saved is None:
            return None
        if fresh:
            journal.abandon()
            return None
        scope = set(saved.scope)
        if scope != wanted:
            listed = ", ".join(map(str, sorted(scope)))
            raise refusal(
                f"an unfinished campaign of banks {listed} is in the journal",
                "name the same banks to resume it, or begin afresh",
            )
        return saved

    def _begin(self) -> None:
        state = self.state
        if self._saved is None:
            self._world.journal.start(list(state.runs), asdict(state.settings))
            self._exclude_flaky()
            self._world.inbox.begin("")
            self._first_services()
        else:
            self._resume(self._saved)
        for run in state.runs.values():
            state.touch(run)
        self._keep()
        if self._saved is None:  # one that is resumed reads first what it has missed
            self._act(state.clock.now())

    def _resume(self, saved: Saved) -> None:
        state = self.state
        state.restore(saved)
        self._exclude_flaky()
        self._told = len(state.notices)
        state.notice("the campaign is resumed")
        seamless = self._world.inbox.begin(saved.position)
        self._powering.resume(saved.last_order, {o.order.number: o.at for o in saved.orders})
        if not seamless:
            until = state.clock.now() + state.settings.settle_s
            for run in state.runs.values():
                if run.phase is Phase.LOADING:
                    run.until = max(run.until, until)
            state.notice("logs were lost meanwhile: boards are listened for before anything is cut")

    def _exclude_flaky(self) -> None:
        if not self._policy.quarantines:
            return
        limit = self.state.settings.quarantine_after
        for name, record in self.state.history.records.items():
            if record.failures >= limit and name in self.state.fleet.by_name:
                self.state.exclude(name)

    def _first_services(self) -> None:
        """Wait for the services before any power."""
        clock, settings = self._world.clock, self.state.settings
        until = clock.now() + settings.services_s
        while True:
            bad = [one for one in self._world.services.check(self.state.run_of) if not one.ready]
            if not bad:
                self._services_at = clock.now()
                return
            if clock.now() >= until or self._cancelled:
                raise PiclusterError(
                    Problem(f"{one.name} is not ready: {one.why}", "nothing was switched on")
                    for one in bad
                )
            self._take(self._world.inbox.take(_SERVICES_RETRY_S))

    def _over(self) -> bool:
        done = all(run.phase.over and not run.order for run in self.state.runs.values())
        return done and not self._settling.wavers

    def _end(self) -> Report:
        interrupted = self._cancelled and not self._over()
        if not interrupted:
            crashed = self._settling.crashed()
            self.state.history.add(crashed)
            self.state.changes.outcomes += crashed
        report = report_of(
            self.state,
            self._settling,
            policy=self._policy.name,
            switched=self._powering.switched,
            refused=self._world.inbox.refused,
            interrupted=interrupted,
        )
        self._keep()
        if not interrupted:
            self._world.journal.finish(report.plain())
        return report

    # ---- the loop

    def _patience(self) -> float:
        now = self._world.clock.now()
        times = [run.until for run in self.state.runs.values() if run.until > now]
        timer = self.state.next_timer()
        if timer is not None:
            times.append(timer)
        wait_s = min(times, default=now + _PATIENCE_S) - now
        return min(max(wait_s, _LEAST_S), _PATIENCE_S)

    def _take(self, batch: Batch) -> None:
        for arrival in batch.arrivals:
            if isinstance(arrival, Event):
                self._event(arrival)
            elif isinstance(arrival, PowerResult):
                self._powering.result(arrival)
            else:
                self.state.alarm(arrival)
        if batch.position:
            self._position = batch.position

    def _event(self, event: Event) -> None:
        run = self.state.run_of.get(self.state.fleet.by_name[event.board].bank)
        if (
            run is not None
            and run.phase in (Phase.SHED, Phase.RESTING)
            and event.sign in (Sign.FILE, Sign.MOUNT, Sign.READY, Sign.ALIVE)
        ):
            if event.at > run.since + _OFF_LATE_S:
                self._while_off(event)
            return
        self.state.apply(event)

    def _while_off(self, event: Event) -> None:
        address = self.state.fleet.by_name[event.board].address
        what = f"{address} is in use while {event.board} has no power"
        if all(alarm.what != what for alarm in self.state.alarms):
            self.state.alarm(Alarm(event.at, AlarmKind.WHILE_OFF, what, event.line))

    def _act(self, now: float) -> None:
        self._expire(now)
        self._heat.tick(now)
        self._settle(now)
        self._start(now)
        self._powering.tick(now)
        self._starting.hold(now)

    def _expire(self, now: float) -> None:
        state = self.state
        for name in state.overdue(now):
            progress = state.tracker[name]
            if progress.ready and self._blind(now):
                state.postpone(name, now + _BLIND_S)
                continue
            state.apply(Event(now, name, Sign.GIVEN_UP))
            if progress.ready:
                state.notice(f"{name} was ready and fell silent", self._run_of(name))

    def _blind(self, now: float) -> bool:
        """Whether no board at all was heard for so long that the reading is to blame."""
        silent_s = now - self.state.last_spoken
        longest_s = _BLIND_HEARTBEATS * self.state.settings.timeouts.heartbeat
        blind = self.state.ready_total > _BLIND_BOARDS and _BLIND_AFTER_S <= silent_s < longest_s
        if blind and not self._blind_told:
            self.state.notice(
                "no node is heard at all: see whether the head receives messages (port 3334)"
            )
        self._blind_told = blind
        return blind

    def _run_of(self, name: str) -> BankRun | None:
        return self.state.run_of.get(self.state.fleet.by_name[name].bank)

    def _settle(self, now: float) -> None:
        for run in self._settling.settled(now):
            if not self._settling.suspects_services(run):
                self._settling.decide(run, now)
                continue
            self._services_at = None
            if self._services(now) and run.until <= now:
                self._settling.decide(run, now)
            elif self._services_lost(now):
                self._settling.give_up(run, "services are not ready", now)
        for run in self._settling.doomed(now):
            if not self._settling.suspects_services(run):
                self._settling.decide_early(run, now)

    def _start(self, now: float) -> None:
        batch = self._starting.batch()
        if not batch:
            return
        if self._services(now):
            self._starting.begin(batch)
        elif self._services_lost(now):
            self._starting.leave(self._starting.waiting(), "services are not ready", now)

    def _services(self, now: float) -> bool:
        """Whether the services do their work, as of a moment ago."""
        if self._services_at is not None and now - self._services_at < _SERVICES_FRESH_S:
            return True
        if now < self._services_next:
            return False
        bad = [one for one in self._world.services.check(self.state.run_of) if not one.ready]
        if not bad:
            self._services_at = now
            if self._services_bad_since is not None:
                self._services_back(now)
            return True
        if self._services_bad_since is None:
            self._services_bad_since = now
            for one in bad:
                self.state.notice(f"{one.name} is not ready: {one.why}")
        self._services_next = now + _SERVICES_RETRY_S
        return False

    def _services_back(self, now: float) -> None:
        """What boards could not say meanwhile, they say with their next heartbeat."""
        self._services_bad_since = None
        self.state.notice("services are ready again: boards are listened for")
        for run in self.state.runs.values():
            if run.phase is Phase.LOADING:
                run.until = max(run.until, now + self.state.settings.settle_s)
                run.excused = True
                self.state.touch(run)

    def _services_lost(self, now: float) -> bool:
        since = self._services_bad_since
        return since is not None and now - since >= self.state.settings.services_s

    def _keep(self) -> None:
        for notice in self.state.notices[self._told :]:
            self._audience.observe(notice)
        self._told = len(self.state.notices)
        self._audience.show(self.state)
        self._world.journal.save(self.state.taken(self._position))

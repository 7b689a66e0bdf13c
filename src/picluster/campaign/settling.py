"""A bank whose boards have all come up or failed: diagnose, remember, decide, carry out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from picluster.campaign.diagnose import BankFacts, Case, Cure, Diagnosis, diagnose
from picluster.campaign.fleet import Board
from picluster.campaign.heat import HeatGuard
from picluster.campaign.journal.saved import BankBoot
from picluster.campaign.policy import (
    Accept,
    BankView,
    BoardView,
    CycleBank,
    CycleBoards,
    Decision,
    Outcome,
    Policy,
)
from picluster.campaign.policy.view import needed
from picluster.campaign.powering import Powering
from picluster.campaign.runs import BankRun, Phase
from picluster.campaign.stages import Stage
from picluster.campaign.state import CampaignState, is_open

#: Causes that are not the board's own.
EXCUSED = frozenset(
    {
        "off",
        "no-power",
        "shed",
        "held-back",
        "bank-silent",
        "overheated",
        "no-lease",
        "file-missing",
    }
)
#: Causes by which a service that is down shows itself.
SERVICE = frozenset(
    {
        "no-offer",
        "tftp-stalled",
        "bootcode-only",
        "no-nfs",
        "nfs-failed",
        "nfs-silent",
        "not-up",
        "no-ready",
    }
)
_LOST_S = 30.0
#: Attempts in a row with nobody heard before a bank counts as unplugged.
_SILENCES = 2
_OFF = {Phase.NO_POWER: "pdu", Phase.SHED: "heat", Phase.HELD: "held"}


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, for the report and the tests.

    Attributes:
        at: when, in seconds of the campaign's clock.
        view: what it was made of.
        decision: what it was.
    """

    at: float
    view: BankView
    decision: Decision


class Settling:
    """See the module.

    Args:
        state: the campaign's.
        policy: decides.
        powering: carries it out.
        heat: how hot it is.
    """

    def __init__(
        self, state: CampaignState, policy: Policy, powering: Powering, heat: HeatGuard
    ) -> None:
        self._state = state
        self._policy = policy
        self._powering = powering
        self._heat = heat
        self.decided: list[Decided] = []
        self._lost_since: dict[int, float] = {}
        self._seen_failed: dict[int, tuple[int, int]] = {}

    def settled(self, now: float) -> list[BankRun]:
        """Banks about which something can be decided now."""
        return [run for run in self._state.runs.values() if self._is_settled(run, now)]

    @property
    def wavers(self) -> bool:
        """Whether a bank that was accepted is losing boards."""
        return bool(self._lost_since)

    def doomed(self, now: float) -> list[BankRun]:
        """Banks with boards on their way in which another board has failed."""
        found = []
        for run in self._state.runs.values():
            counts = self._state.counts[run.bank]
            failed = counts.expected - counts.ready - counts.open
            waits = run.phase is not Phase.LOADING or bool(run.order) or run.until > now
            if waits or not counts.open or failed <= 0 or run.stuck:
                continue
            if self._seen_failed.get(run.bank) != (run.attempt, failed):
                self._seen_failed[run.bank] = (run.attempt, failed)
                if not self._powering.waiting_for_boards(run):
                    found.append(run)
        return found

    def _is_settled(self, run: BankRun, now: float) -> bool:
        if run.order or run.until > now:
            return False
        if run.phase is Phase.ADOPTING:
            self._powering.adopted(run)
            return False
        counts = self._state.counts[run.bank]
        if run.phase is Phase.ACCEPTED:
            return self._lost(run, now)
        done = run.phase is Phase.LOADING and counts.open == 0
        return done and not self._powering.waiting_for_boards(run)

    def _lost(self, run: BankRun, now: float) -> bool:
        """Whether a bank that was accepted has lost boards below its quorum and may be retried."""
        if not self._is_short(run):
            self._lost_since.pop(run.bank, None)
            return False
        # those that fell silent together are missed one after the other
        return now - self._lost_since.setdefault(run.bank, now) >= _LOST_S

    def _is_short(self, run: BankRun) -> bool:
        counts = self._state.counts[run.bank]
        enough = needed(counts.expected, self._state.settings.quorum)
        if counts.open or counts.ready >= enough or run.stuck:
            return False
        return run.measured > 0 and run.attempt < self._state.settings.max_attempts

    # ---- diagnoses

    def facts(self, run: BankRun) -> BankFacts:
        """What the bank says about its boards."""
        boards = [b for b in self._state.boards_of(run) if b.name not in self._state.excluded]
        tracker = self._state.tracker
        silent = sum(
            tracker[board.name].stage is Stage.POWERED and tracker[board.name].heard is None
            for board in boards
        )
        return BankFacts(
            boards=len(boards),
            silent=silent,
            ready=self._state.counts[run.bank].ready,
            powered=run.phase.powered and run.phase is not Phase.NO_POWER,
            off=_OFF.get(run.phase, ""),
            trouble=run.trouble if run.phase is Phase.NO_POWER else run.why,
        )

    def diagnosis(self, board: Board, facts: BankFacts) -> Diagnosis:
        """Why a board is not ready."""
        progress = self._state.tracker[board.name]
        case = Case(board, progress, facts, self._state.settings.hard_temp_c)
        return diagnose(case, self._state.tracker.evidence(board.name))

    # ---- decisions

    def suspects_services(self, run: BankRun) -> bool:
        """Whether so many boards failed as a service that is down makes them fail."""
        facts = self.facts(run)
        keys = [
            self.diagnosis(board, facts).key
            for board in self._state.boards_of(run)
            if self._state.tracker[board.name].failed
        ]
        suspicious = sum(key in SERVICE for key in keys)
        return suspicious >= 2 and 2 * suspicious >= len(keys)

    def decide_early(self, run: BankRun, now: float) -> None:
        """Cycle before the last board has come up or failed, where that is clear already.

        Boards on their way count as ready ones that a cycle would cut. Nothing is accepted early.
        """
        facts = self.facts(run)
        boards = self._state.boards_of(run)
        diagnoses = self._diagnoses(boards, facts)
        view = self._view(run, boards, diagnoses)
        decision = self._policy.decide(view, self._state.history, self._state.settings)
        if isinstance(decision, Accept):
            return
        if isinstance(decision, CycleBank):
            self._measure(run, boards, diagnoses, now)
            self._quarantine(run, diagnoses)
            view = self._view(run, boards, diagnoses)
            decision = self._policy.decide(view, self._state.history, self._state.settings)
        if not isinstance(decision, Accept):
            self.decided.append(Decided(now, view, decision))
            self._carry_out(run, decision, view, now)

    def _diagnoses(self, boards: list[Board], facts: BankFacts) -> dict[str, Diagnosis]:
        """Of the boards that are neither ready nor on their way."""
        return {
            board.name: self.diagnosis(board, facts)
            for board in boards
            if not is_open(progress := self._state.tracker[board.name]) and not progress.ready
        }

    def decide(self, run: BankRun, now: float) -> None:
        """Say what becomes of a bank, and begin to do it.

        Args:
            run: the bank.
            now: in seconds of the campaign's clock.
        """
        self._lost_since.pop(run.bank, None)
        facts = self.facts(run)
        boards = self._state.boards_of(run)
        diagnoses = self._diagnoses(boards, facts)
        self._measure(run, boards, diagnoses, now)
        self._quarantine(run, diagnoses)
        view = self._view(run, boards, diagnoses)
        decision = self._decision(run, view)
        self.decided.append(Decided(now, view, decision))
        self._carry_out(run, decision, view, now)

    def _measure(
        self,
        run: BankRun,
        boards: list[Board],
        diagnoses: dict[str, Diagnosis],
        now: float,
    ) -> None:
        """Keep how the boot went, once."""
        if run.measured >= run.attempt or run.on_at is None:
            return
        run.measured = run.attempt
        self._state.touch(run)
        failed = len(diagnoses)
        outcomes = []
        for board in boards:
            if is_open(self._state.tracker[board.name]):
                continue  # it will never be known
            diagnosis = diagnoses.get(board.name)
            others = (failed - (diagnosis is not None)) / max(1, len(boards) - 1)
            blameless = run.excused or (diagnosis is not None and diagnosis.key in EXCUSED)
            key = diagnosis.key if diagnosis else ""
            outcomes.append(Outcome(board.name, diagnosis is None, key, others, blameless))
        counts = self._state.counts[run.bank]
        silent = all(o.key in ("bank-silent", "no-power", "off") for o in outcomes)
        run.silences = run.silences + 1 if silent else 0
        self._state.measured(
            BankBoot(
                run.bank,
                run.attempt,
                (counts.ready + counts.open) / max(1, counts.expected),
                (now - run.on_at) / 60,
                counts=not (silent or run.excused),
            ),
            outcomes,
        )

    def give_up(self, run: BankRun, why: str, now: float) -> None:
        """Leave a bank as it is: there is no sense in cycling it now."""
        run.phase, run.why = Phase.SHORT, why
        run.done_at, run.since = now, now
        self._state.notice(f"{run.phase.value}: {why}", run)
        self._state.touch(run)

    def crashed(self) -> list[Outcome]:
        """Boards that were ready in this campaign and are not any more, for the history."""
        outcomes = []
        for run in self._state.runs.values():
            if run.phase is Phase.SHED:
                continue
            boards = self._state.boards_of(run)
            fallen = [board.name for board in boards if self._has_fallen(board.name)]
            others = (len(fallen) - 1) / max(1, len(boards) - 1)
            outcomes += [
                Outcome(name, ready=False, key="crashed", others_failed=others) for name in fallen
            ]
        return outcomes

    def _has_fallen(self, name: str) -> bool:
        progress = self._state.tracker[name]
        return progress.failed and Stage.READY in (progress.stage, progress.fell_from)

    def _quarantine(self, run: BankRun, diagnoses: dict[str, Diagnosis]) -> None:
        if not self._policy.quarantines:
            return
        for name in diagnoses:
            record = self._state.history.record(name)
            if name in self._state.excluded:
                continue
            if record.failures >= self._state.settings.quarantine_after:
                self._state.exclude(name)
                place = self._state.fleet.by_name[name].place
                self._state.notice(
                    f"{name} ({place}) failed {record.failures} times in a row, last by "
                    f"{record.last}: quarantined",
                    run,
                )

    def _view(self, run: BankRun, boards: list[Board], diagnoses: dict[str, Diagnosis]) -> BankView:
        state = self._state
        views = []
        for board in boards:
            own = state.alone.get(board.name)
            diagnosis = diagnoses.get(board.name)
            views.append(
                BoardView(
                    board.name,
                    ready=diagnosis is None,
                    cure=diagnosis.cure if diagnosis else Cure.LIKELY,
                    attempts=run.attempt + (own.attempts if own else 0),
                    alone=self._powering.alone(board.name),
                    expected=board.name not in state.excluded,
                )
            )
        phases = Counter(one.phase for one in state.runs.values())
        # not those that happen to load now: a campaign that was resumed decides alike
        lanes = state.settings.boards_loading // max(1, len(boards))
        return BankView(
            bank=run.bank,
            attempt=run.attempt,
            boards=tuple(views),
            waiting=phases[Phase.WAITING],
            lanes=max(1, lanes),
            heat=self._heat.pressure(run),
        )

    def _decision(self, run: BankRun, view: BankView) -> Decision:
        if run.stuck:
            return Accept(f"{view.ready} of {len(view.expected)} ready; {run.trouble}")
        if run.silences >= _SILENCES:
            return Accept("the whole bank is silent again")
        if not view.expected:
            return Accept("no board of it counts")
        return self._policy.decide(view, self._state.history, self._state.settings)

    def _carry_out(self, run: BankRun, decision: Decision, view: BankView, now: float) -> None:
        price = f" ({decision.price})" if decision.price else ""
        run.why = f"{decision.why}{price}"
        if isinstance(decision, CycleBank):
            self._state.notice(f"cycled: {run.why}", run)
            self._powering.cycle(run)
        elif isinstance(decision, CycleBoards):
            listed = ", ".join(decision.boards)
            run.phase = Phase.LOADING
            self._state.notice(f"cycled alone: {listed}{price}", run)
            for name in decision.boards:
                self._powering.cycle_board(name)
        else:
            enough = needed(len(view.expected), self._state.settings.quorum)
            run.phase = Phase.ACCEPTED if view.ready >= enough else Phase.SHORT
            if run.silences and run.silences >= min(run.attempt, _SILENCES):
                run.phase = Phase.UNPLUGGED
            run.done_at, run.since = now, now
            self._state.notice(f"{run.phase.value}: {run.why}", run)
        self._state.touch(run)

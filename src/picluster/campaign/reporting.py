"""Make the report of a campaign's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from picluster.campaign.journal.saved import Notice
from picluster.campaign.policy.view import needed
from picluster.campaign.report import (
    BELOW,
    INTERRUPTED,
    QUORUM,
    BankReport,
    BoardReport,
    Report,
    board_report,
    count_states,
    state_word,
)
from picluster.campaign.runs import BankRun, Phase
from picluster.campaign.settling import Settling
from picluster.campaign.stages import Stage
from picluster.campaign.state import CampaignState
from picluster.registry.model import State

#: Part of what a board reads that it has read at a stage: TFTP is about a third.
_READ = {
    Stage.OFF: 0.0,
    Stage.POWERED: 0.0,
    Stage.DHCP: 0.0,
    Stage.TFTP: 0.15,
    Stage.KERNEL: 0.33,
    Stage.NFS: 0.6,
    Stage.UP: 0.9,
    Stage.READY: 1.0,
}


def report_of(
    state: CampaignState,
    settling: Settling,
    *,
    policy: str,
    switched: int,
    refused: Mapping[str, int],
    interrupted: bool,
) -> Report:
    """The report of a campaign as it stands."""
    maker = _Maker(state, settling)
    down = tuple(row for run in state.runs.values() for row in maker.down(run))
    states = count_states(down)
    banks = tuple(maker.bank(run) for run in state.runs.values())
    booted, retried = maker.up()
    return Report(
        cluster=state.fleet.cluster,
        policy=policy,
        status=INTERRUPTED if interrupted else maker.status(),
        boards=sum(len(state.boards_of(run)) for run in state.runs.values()),
        expected=sum(state.counts[bank].expected for bank in state.runs),
        ready=booted + retried,
        booted=booted,
        retried=retried,
        failed=states["failed"],
        quarantined=states["quarantined"],
        unplugged=states["unplugged"],
        off=states["off"],
        switched=switched,
        stages=maker.stages(),
        causes=dict(Counter(row.key for row in down)),
        minutes=(state.clock.now() - state.started) / 60,
        megabytes=maker.megabytes(),
        banks=banks,
        down=down,
        spares=tuple(
            f"{board.name} ({board.place})"
            for board in state.fleet.boards
            if board.state is State.SPARE
        ),
        alarms=tuple(f"{alarm.kind.value}: {alarm.what}" for alarm in state.alarms),
        refused=dict(refused),
        notices=tuple(_sentence(notice, state) for notice in state.notices),
    )


def _sentence(notice: Notice, state: CampaignState) -> str:
    whose = f"{state.runs[notice.bank].title}: " if notice.bank in state.runs else ""
    return f"{(notice.at - state.started) / 60:6.1f} min  {whose}{notice.text}"


class _Maker:
    """Knows the state and makes rows of it."""

    def __init__(self, state: CampaignState, settling: Settling) -> None:
        self._state = state
        self._settling = settling

    def status(self) -> int:
        """Exit status by quorum."""
        quorum = self._state.settings.quorum
        for run in self._state.runs.values():
            counts = self._state.counts[run.bank]
            if run.phase in (Phase.HELD, Phase.SHED, Phase.NO_POWER):
                return BELOW
            if counts.ready < needed(counts.expected, quorum):
                return BELOW
        return QUORUM

    def attempts(self, run: BankRun, name: str) -> int:
        """How often a board got power."""
        own = self._state.alone.get(name)
        return run.attempt + (own.attempts if own else 0)

    def down(self, run: BankRun) -> list[BoardReport]:
        """The boards of a bank that are not ready."""
        state, facts = self._state, self._settling.facts(run)
        rows = []
        for board in state.boards_of(run):
            progress = state.tracker[board.name]
            if progress.ready:
                continue
            diagnosis = self._settling.diagnosis(board, facts)
            word = state_word(
                run,
                excluded=self._excluded(board.name),
                powered=progress.stage is not Stage.OFF,
            )
            failures = state.history.record(board.name).failures
            counts = (self.attempts(run, board.name), failures)
            rows.append(board_report(board, diagnosis, word, counts, progress.health.temperature))
        return rows

    def _excluded(self, name: str) -> str:
        if name not in self._state.excluded:
            return ""
        spare = self._state.fleet.by_name[name].state is State.SPARE
        return "spare" if spare else "quarantined"

    def bank(self, run: BankRun) -> BankReport:
        """The row of a bank."""
        counts = self._state.counts[run.bank]
        end = self._state.clock.now() if run.done_at is None else run.done_at
        minutes = None if run.first_on is None else (end - run.first_on) / 60
        return BankReport(
            run.bank,
            run.phase.value,
            counts.expected,
            counts.ready,
            run.attempt,
            minutes,
            run.why,
        )

    def up(self) -> tuple[int, int]:
        """Boards that are ready: at the first attempt, at a later one."""
        booted = retried = 0
        for run in self._state.runs.values():
            for board in self._state.boards_of(run):
                if self._state.tracker[board.name].ready:
                    first = self.attempts(run, board.name) <= 1
                    booted += first
                    retried += not first
        return booted, retried

    def stages(self) -> dict[str, int]:
        """Boards by stage."""
        found = Counter[str]()
        for run in self._state.runs.values():
            for board in self._state.boards_of(run):
                progress = self._state.tracker[board.name]
                word = progress.stage.value
                found[f"failed at {word}" if progress.failed else word] += 1
        return dict(found)

    def megabytes(self) -> float:
        """What the boards have read, estimated: every boot by how far it came."""
        per_board, total = self._state.settings.board_mb, 0.0
        for run in self._state.runs.values():
            earlier = max(0, run.attempt - 1)
            for board in self._state.boards_of(run):
                stage = self._state.tracker[board.name].stage
                total += per_board * (_READ[stage] + earlier)
        return total

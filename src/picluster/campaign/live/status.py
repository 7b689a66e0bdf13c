"""How every board is: the journal of the last campaign, and what the nodes said since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from picluster.campaign.diagnose import BankFacts, Case, diagnose
from picluster.campaign.events import Event, Sign
from picluster.campaign.fleet import Board, Fleet, fleet_of
from picluster.campaign.journal.status import Status, read_status
from picluster.campaign.live.campaign import Options, identity, journal_path, reaches_of
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.inbox import LiveInbox
from picluster.campaign.live.reach import Reach
from picluster.campaign.progress import Progress, advance
from picluster.campaign.stages import Stage
from picluster.errors import PiclusterError, Problem
from picluster.plan.model import AddressPlan


@dataclass(frozen=True, slots=True)
class BoardStatus:
    """A board.

    Attributes:
        name, bank, slot, address, mac: the board.
        state: what the registry uses it for; empty for an ordinary one.
        stage: the stage it is at.
        since: since when, ISO 8601 UTC, empty when that is not known.
        failed: it does not get on from there.
        attempts: how often it got power in the last campaign.
        temperature_c: what it said last, or ``None``.
        heard: when it was heard last, ISO 8601 UTC, or empty.
        reason: why it is not ready; empty for one that is, or that was never tried.
        remedy: what to do about it.
    """

    name: str
    bank: int
    slot: int
    address: str
    mac: str
    state: str
    stage: str
    since: str
    failed: bool
    attempts: int
    temperature_c: float | None
    heard: str
    reason: str
    remedy: str

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        return asdict(self)


def status_of(
    plan: AddressPlan, options: Options, *, offline: bool = False
) -> tuple[list[BoardStatus], list[Problem]]:
    """Every board of a plan, or of some banks, by bank and slot.

    Args:
        plan: the address plan.
        options: banks, journal and the way to the boot servers.
        offline: ask no boot server.

    Returns:
        The boards, and the servers that could not be asked.

    Raises:
        PiclusterError: the journal is another cluster's, or damaged.
    """
    fleet = fleet_of(plan)
    kept = read_status(options.journal or journal_path(plan), identity(plan))
    wanted = set(options.banks) or set(fleet.by_bank)
    progress = {name: found for name, (found, _) in kept.boards.items()} if kept else {}
    offset = kept.offset if kept else _present_offset()
    asked = [] if offline else reaches_of(plan, options.banks or tuple(fleet.by_bank), options)
    said, problems, answered = _said(fleet, asked, offset)
    for event in said:
        before = progress.get(event.board)
        if before is None or _is_news(before, event):
            progress[event.board] = advance(before or Progress(), event)
    silent_at = SystemClock().wall() - offset - options.settings.timeouts.heartbeat
    _mark_silent(progress, _served(plan, answered), silent_at)
    maker = _Maker(fleet, kept, progress, offset)
    return [maker.row(board) for board in fleet.boards if board.bank in wanted], problems


def _is_news(before: Progress, event: Event) -> bool:
    """Whether what a node said last came after what the journal knows."""
    if before.heard is not None:
        return event.at > before.heard
    # of a board whose power was cut the last word is still there
    return before.stage is not Stage.OFF or event.at > before.since


def _present_offset() -> float:
    clock = SystemClock()
    return clock.wall() - clock.now()


def _said(
    fleet: Fleet, reaches: Sequence[Reach], offset: float
) -> tuple[list[Event], list[Problem], set[str]]:
    """What the nodes said last, with its times as the journal's, and which servers answered."""
    events: list[Event] = []
    problems: list[Problem] = []
    answered = set()
    shift = _present_offset() - offset
    for reach in reaches:
        inbox = LiveInbox(fleet, SystemClock())
        try:
            events += [replace(event, at=event.at + shift) for event in inbox.states(reach)]
            answered.add(reach.name)
        except PiclusterError as error:
            problems += error.problems
    return events, problems, answered


def _served(plan: AddressPlan, servers: Collection[str]) -> list[str]:
    """Names of the nodes that servers boot."""
    return [node.name for node in plan.nodes if node.bank.boot_server in servers]


def _mark_silent(progress: dict[str, Progress], names: Iterable[str], since: float) -> None:
    """Boards that were ready and have sent no heartbeat since a time are not any more."""
    for name in names:
        found = progress.get(name)
        if found is not None and found.ready and (found.heard or since) < since:
            progress[name] = advance(found, Event(since, name, Sign.GIVEN_UP))


class _Maker:
    def __init__(
        self, fleet: Fleet, kept: Status | None, progress: dict[str, Progress], offset: float
    ) -> None:
        self._fleet = fleet
        self._kept = kept
        self._progress = progress
        self._offset = offset

    def row(self, board: Board) -> BoardStatus:
        """The row of a board."""
        progress = self._progress.get(board.name, Progress())
        run = self._kept.runs.get(board.bank) if self._kept else None
        alone = self._kept.attempts.get(board.name, 0) if self._kept else 0
        reason = remedy = ""
        if progress.failed or (run is not None and run.phase.over and not progress.ready):
            found = diagnose(Case(board, progress, self._facts(board.bank)))
            reason, remedy = found.cause, found.remedy
        return BoardStatus(
            name=board.name,
            bank=board.bank,
            slot=board.slot,
            address=board.address,
            mac=str(board.mac),
            state=board.state.value,
            stage=progress.stage.value,
            since=self._time(progress.since) if board.name in self._progress else "",
            failed=progress.failed,
            attempts=(run.attempt if run else 0) + alone,
            temperature_c=progress.health.temperature,
            heard=self._time(progress.heard),
            reason=reason,
            remedy=remedy,
        )

    def _facts(self, bank: int) -> BankFacts:
        boards = [self._progress.get(b.name, Progress()) for b in self._fleet.by_bank[bank]]
        run = self._kept.runs.get(bank) if self._kept else None
        return BankFacts(
            boards=len(boards),
            silent=sum(one.heard is None for one in boards),
            ready=sum(one.ready for one in boards),
            powered=run.phase.powered if run else None,
            trouble=run.trouble or run.why if run else "",
        )

    def _time(self, at: float | None) -> str:
        if at is None:
            return ""
        moment = datetime.fromtimestamp(at + self._offset, UTC)
        return moment.isoformat(timespec="seconds").replace("+00:00", "Z")

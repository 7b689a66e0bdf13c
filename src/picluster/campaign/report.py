"""How a campaign went: plain data, for tools and for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from picluster.campaign.diagnose import Diagnosis
from picluster.campaign.fleet import Board
from picluster.campaign.runs import BankRun, Phase

#: Exit statuses.
QUORUM, BELOW, INTERRUPTED = 0, 3, 130


@dataclass(frozen=True, slots=True)
class BoardReport:
    """A board that is not ready, or that did not count.

    Attributes:
        name, bank, slot, row, address, mac: the board.
        rack: number, or ``None``.
        stage: the stage it is at.
        state: ``failed``, ``quarantined``, ``unplugged``, ``off``, ``spare`` or ``open``.
        key, cause, remedy: the diagnosis.
        attempts: how often it got power in this campaign.
        failures: how often it failed in a row, earlier campaigns included.
        temperature_c: what it said last, or ``None``.
        evidence: lines.
    """

    name: str
    bank: int
    slot: int
    row: int
    rack: int | None
    address: str
    mac: str
    stage: str
    state: str
    key: str
    cause: str
    remedy: str
    attempts: int
    failures: int
    temperature_c: float | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BankReport:
    """A bank.

    Attributes:
        bank: its number.
        phase: where the campaign left it.
        boards: boards that count.
        ready: of them, up.
        attempts: how often it got power.
        minutes: from its first power to the decision, ``None`` if it got none.
        why: the last decision.
    """

    bank: int
    phase: str
    boards: int
    ready: int
    attempts: int
    minutes: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign.

    Attributes:
        cluster: its name.
        policy: name of the policy.
        status: exit status: 0 every bank has its quorum, 3 some bank has not, 130 interrupted.
        boards: boards of the campaign's banks.
        expected: those that count.
        ready: boards that are up, counted or not.
        booted: of those, up at the first attempt.
        retried: of those, up at a later one.
        failed, quarantined, unplugged, off: boards that are not up, by how they ended.
        switched: power orders that were carried out since the campaign was begun or resumed.
        stages: boards by the stage they are at; failed ones by ``failed at <stage>``.
        causes: boards that are not up, by cause.
        minutes: from the beginning to the end.
        megabytes: read by the boards, estimated from the files and the roots they loaded.
        banks: every bank.
        down: every board that is not ready, or does not count.
        spares: boards the registry keeps as spares, with their place.
        alarms: what must not be on a boot network.
        refused: log lines and messages that were not believed, by reason.
        notices: what the campaign said while it ran.
    """

    cluster: str
    policy: str
    status: int
    boards: int
    expected: int
    ready: int
    booted: int
    retried: int
    failed: int
    quarantined: int
    unplugged: int
    off: int
    switched: int
    stages: Mapping[str, int]
    causes: Mapping[str, int]
    minutes: float
    megabytes: float
    banks: tuple[BankReport, ...] = ()
    down: tuple[BoardReport, ...] = ()
    spares: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        return asdict(self)


def board_report(
    board: Board, diagnosis: Diagnosis, state: str, counts: tuple[int, int], heat: float | None
) -> BoardReport:
    """The row of a board that is not ready.

    Args:
        board: the board.
        diagnosis: why.
        state: see :class:`BoardReport`.
        counts: its attempts and its failures in a row.
        heat: its temperature.
    """
    return BoardReport(
        name=board.name,
        bank=board.bank,
        slot=board.slot,
        row=board.row,
        rack=board.rack,
        address=board.address,
        mac=str(board.mac),
        stage=diagnosis.stage.value,
        state=state,
        key=diagnosis.key,
        cause=diagnosis.cause,
        remedy=diagnosis.remedy,
        attempts=counts[0],
        failures=counts[1],
        temperature_c=heat,
        evidence=diagnosis.evidence,
    )


def state_word(run: BankRun, *, excluded: str, powered: bool) -> str:
    """How a board that is not ready ended.

    Args:
        run: its bank.
        excluded: ``quarantined`` or ``spare`` for one that does not count, else empty.
        powered: it has power.
    """
    if excluded:
        return excluded
    if run.phase is Phase.UNPLUGGED:
        return "unplugged"
    return "failed" if powered else "off"


def count_states(down: tuple[BoardReport, ...]) -> Counter[str]:
    """Boards by how they ended."""
    return Counter(board.state for board in down)

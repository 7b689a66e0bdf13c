"""How banks are shut down: what is planned, and how it went; plain data and pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from picluster.campaign.fleet import Fleet
from picluster.campaign.runs import BankRun
from picluster.errors import PiclusterError, Problem
from picluster.power.driver import StepResult
from picluster.power.model import Outlet, PowerPlan
from picluster.power.plain import plain_plan, plan_lines

#: Exit statuses: every bank is off; some bank is not.
DONE, INCOMPLETE = 0, 3
_LISTED = 3


@dataclass(frozen=True, slots=True)
class ShutdownPlan:
    """What a shutdown would do.

    Attributes:
        banks: numbers of the banks.
        boards: boards of each bank.
        ask: names of the boards that run and are asked to halt, by bank and slot.
        power: what is switched after that.
        unread: why outlets or boot servers could not be asked.
    """

    banks: tuple[int, ...]
    boards: Mapping[int, int]
    ask: tuple[str, ...]
    power: PowerPlan
    unread: tuple[str, ...] = ()

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        return {
            "banks": list(self.banks),
            "ask": list(self.ask),
            "power": plain_plan(self.power),
            "unread": list(self.unread),
        }

    def lines(self, fleet: Fleet) -> list[str]:
        """It for people."""
        asked = _by_bank(self.ask, fleet)
        return [
            *(f"not asked, taken for unknown: {problem}" for problem in self.unread),
            *(
                f"bank {bank}: {len(asked.get(bank, ()))} of {self.boards[bank]} boards are asked "
                "to halt"
                for bank in self.banks
            ),
            *plan_lines(self.power),
        ]


@dataclass(frozen=True, slots=True)
class BankShutdown:
    """How a bank was shut down.

    Attributes:
        bank: its number.
        boards: boards it has.
        asked: of them, asked to halt.
        halted: of those, reached and silent before power was cut.
        off: its outlets are verified off.
        why: why they are not.
    """

    bank: int
    boards: int
    asked: int
    halted: int
    off: bool
    why: str


@dataclass(frozen=True, slots=True)
class ShutdownReport:
    """How a shutdown went.

    Attributes:
        cluster: its name.
        status: exit status: 0 every bank is off, 3 some bank is not.
        banks: every bank.
        unreachable: boards that could not be asked to halt.
        answering: boards that still answered when the time to halt was over.
        switched: outlets that were switched.
        notices: what else is to be told.
    """

    cluster: str
    status: int
    banks: tuple[BankShutdown, ...]
    unreachable: tuple[str, ...] = ()
    answering: tuple[str, ...] = ()
    switched: int = 0
    notices: tuple[str, ...] = ()

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        return asdict(self)

    def lines(self) -> list[str]:
        """It for people."""
        halted = (
            f"bank {one.bank}: {'off' if one.off else f'NOT OFF: {one.why}'}; {one.halted} of "
            f"{one.asked} boards had halted"
            for one in self.banks
        )
        lines = [*self.notices, *halted]
        if self.unreachable:
            lines.append(f"could not be asked to halt: {', '.join(self.unreachable)}")
        if self.answering:
            lines.append(f"cut though they still answered: {', '.join(self.answering)}")
        return lines


def refuse_others(plan: PowerPlan, fleet: Fleet) -> None:
    """Refuse a plan that takes the power of boards nobody named.

    A switch that hangs on its bank's outlet goes off with it.

    Raises:
        PiclusterError: naming some of the boards.
    """
    others = [name for name in plan.collateral if name in fleet.by_name]
    if others:
        listed = ", ".join(others[:_LISTED]) + (", …" if len(others) > _LISTED else "")
        raise PiclusterError(
            Problem(
                f"{len(others)} boards nobody named would lose power ({listed})",
                "name their banks too",
            )
        )


@dataclass(frozen=True, slots=True)
class Halted:
    """How the boards took it.

    Attributes:
        asked: boards that were to be asked.
        unreachable: of those, which could not be.
        answering: of those, which still answered in the end.
    """

    asked: Collection[str] = ()
    unreachable: Collection[str] = ()
    answering: Collection[str] = ()

    @property
    def silent(self) -> set[str]:
        """Boards that were asked and fell silent."""
        return set(self.asked) - set(self.unreachable) - set(self.answering)


def report_of(
    fleet: Fleet,
    runs: Sequence[BankRun],
    halted: Halted,
    off: Mapping[int, str],
    *,
    switched: int = 0,
    notices: Iterable[str] = (),
) -> ShutdownReport:
    """The report of a shutdown.

    Args:
        fleet: the boards.
        runs: the banks; those that share an outlet are one.
        halted: how the boards took it.
        off: by a run's name why it is not off; empty for one that is.
        switched: outlets that were switched.
        notices: what else is to be told.
    """
    asked, silent = _by_bank(halted.asked, fleet), _by_bank(halted.silent, fleet)
    banks = tuple(
        BankShutdown(
            bank,
            len(fleet.by_bank.get(bank, ())),
            len(asked.get(bank, ())),
            len(silent.get(bank, ())),
            not off[run.bank],
            off[run.bank],
        )
        for run in runs
        for bank in run.banks
    )
    return ShutdownReport(
        cluster=fleet.cluster,
        status=INCOMPLETE if any(off.values()) else DONE,
        banks=banks,
        unreachable=tuple(sorted(halted.unreachable)),
        answering=tuple(sorted(halted.answering)),
        switched=switched,
        notices=tuple(notices),
    )


def troubles(outlets: Iterable[Outlet], results: Sequence[StepResult]) -> str:
    """Why outlets are not off after a plan was carried out; empty when they are.

    Args:
        outlets: which ones; one the plan did not touch was off before.
        results: of the plan's steps.
    """
    wanted = set(outlets)
    failed = [one for one in results if one.step.outlet in wanted and not one.done]
    if not failed:
        return ""
    first = next((one for one in failed if not one.skipped), failed[0])
    return str(first.problem) if first.problem else f"{first.step.outlet} was not switched"


def _by_bank(names: Iterable[str], fleet: Fleet) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for name in names:
        board = fleet.by_name.get(name)
        if board is not None:
            found.setdefault(board.bank, []).append(name)
    return found

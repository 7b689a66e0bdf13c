"""How a roll-out went: of each board, of each bank, in total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from picluster.tally import by_bank, counted, too_many

#: Exit statuses: every board that is ready has it; some has not; it was interrupted.
DONE, INCOMPLETE, CANCELLED = 0, 3, 130


class Outcome(StrEnum):
    """How it is with a board."""

    OK = "ok"
    UNCHANGED = "unchanged"  # was so before
    FAILED = "failed"
    UNREACHABLE = "unreachable"  # was ready, and did not answer
    ABSENT = "absent"  # is not ready; gets it when it boots
    OPEN = "open"  # was told, and not heard before the roll-out was cancelled
    UNTOUCHED = "untouched"  # the roll-out ended before its batch


#: What a batch may not have too much of.
LOST = frozenset({Outcome.FAILED, Outcome.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class BoardResult:
    """How it is with a board.

    Attributes:
        name, bank: the board.
        outcome: see :class:`Outcome`.
        reason: why, where it is neither ok nor unchanged; printable.
        seconds: from being told to its end; ``None`` where it was not told.
    """

    name: str
    bank: int
    outcome: Outcome
    reason: str = ""
    seconds: float | None = None


def lost(results: Iterable[BoardResult]) -> int:
    """Boards of a batch that failed or did not answer."""
    return sum(result.outcome in LOST for result in results)


def stops(results: Iterable[BoardResult], budget: int) -> bool:
    """The stop rule: whether no further batch is touched after this one.

    See :func:`picluster.tally.too_many`.

    Args:
        results: of the boards of a batch.
        budget: boards a batch may lose.
    """
    outcomes = Counter(result.outcome for result in results)
    gone = sum(outcomes[outcome] for outcome in LOST)
    kept = outcomes[Outcome.OK] + outcomes[Outcome.UNCHANGED]
    return too_many(gone, kept, budget)


@dataclass(frozen=True, slots=True)
class Report:
    """How a roll-out went.

    Attributes:
        cluster: its name.
        action: ``deploy``, ``undeploy`` or ``rollback``.
        workload: its name.
        version: the version the boards were to have; empty for none of it.
        status: exit status: 0, 3 or 130.
        stopped: why further batches were not touched; empty otherwise.
        seconds: from the first batch to the end.
        boards: every board that was meant, by bank and slot.
        notices: what else is to be told.
    """

    cluster: str
    action: str
    workload: str
    version: str
    status: int
    stopped: str
    seconds: float
    boards: tuple[BoardResult, ...]
    notices: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Boards by outcome, every outcome named."""
        return counted(Outcome, self.boards)

    @property
    def banks(self) -> dict[int, dict[str, int]]:
        """The same of each bank."""
        return by_bank(Outcome, self.boards)

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        banks = [{"bank": bank, **counts} for bank, counts in self.banks.items()]
        boards = [{**asdict(one), "outcome": one.outcome.value} for one in self.boards]
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "counts": self.counts,
            "banks": banks,
            "boards": boards,
            "notices": list(self.notices),
        }


_PLAIN = ("cluster", "action", "workload", "version", "status", "stopped", "seconds")

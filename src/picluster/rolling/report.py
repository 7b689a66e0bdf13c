"""How a rolling reboot went: of each board, of each bank, in total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from picluster.tally import by_bank, counted, too_many

#: Exit statuses: every board that is ready runs its image; some does not; it was interrupted.
DONE, INCOMPLETE, CANCELLED = 0, 3, 130


class Outcome(StrEnum):
    """How it is with a board."""

    OK = "ok"  # has rebooted, and runs the image its bank is pointed at
    UNCHANGED = "unchanged"  # ran that image before
    FAILED = "failed"  # did not come back, or with another image
    UNREACHABLE = "unreachable"  # could not be asked to reboot; it stays drained
    UNDRAINED = "undrained"  # a drain failed, so that it was not asked
    ABSENT = "absent"  # is not ready; boots the image by itself
    OPEN = "open"  # was asked, and not heard before the end
    UNTOUCHED = "untouched"  # the operation ended before its batch


#: What a batch may not have too much of.
LOST = frozenset({Outcome.FAILED, Outcome.UNREACHABLE})
_KEPT = frozenset({Outcome.OK, Outcome.UNCHANGED})


@dataclass(frozen=True, slots=True)
class BoardResult:
    """How it is with a board.

    Attributes:
        name, bank: the board.
        outcome: see :class:`Outcome`.
        reason: why, where it is neither ok nor unchanged; printable.
        image: the image version it runs, as it said last; empty where nobody knows.
        seconds: from being asked to its ready message; ``None`` where it was not asked.
    """

    name: str
    bank: int
    outcome: Outcome
    reason: str = ""
    image: str = ""
    seconds: float | None = None


def stop_reason(results: Iterable[BoardResult], budget: int, title: str) -> str:
    """Why no further batch is touched after this one; empty where nothing speaks against it.

    See :func:`picluster.tally.too_many`.

    Args:
        results: of the boards of a batch.
        budget: boards a batch may lose.
        title: name of the batch.
    """
    counts = Counter(result.outcome for result in results)
    gone = sum(counts[outcome] for outcome in LOST)
    kept = sum(counts[outcome] for outcome in _KEPT)
    if too_many(gone, kept, budget):
        present = sum(counts.values()) - counts[Outcome.ABSENT]
        return f"{title} lost {gone} of {present} boards, {budget} are allowed"
    return ""


@dataclass(frozen=True, slots=True)
class Report:
    """How a rolling reboot went.

    Attributes:
        cluster: its name.
        status: exit status: 0, 3 or 130.
        stopped: why further batches were not touched; empty otherwise.
        seconds: from the first batch to the end.
        boards: every board that was meant, in the order of the batches.
        drained: boards that were drained and not resumed; the next run resumes them.
        notices: what else is to be told.
    """

    cluster: str
    status: int
    stopped: str
    seconds: float
    boards: tuple[BoardResult, ...]
    drained: tuple[str, ...] = ()
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
        return {
            "cluster": self.cluster,
            "action": "reboot",
            "status": self.status,
            "stopped": self.stopped,
            "seconds": self.seconds,
            "counts": self.counts,
            "banks": [{"bank": bank, **counts} for bank, counts in self.banks.items()],
            "boards": [{**asdict(one), "outcome": one.outcome.value} for one in self.boards],
            "drained": list(self.drained),
            "notices": list(self.notices),
        }


def status_of(
    boards: Iterable[BoardResult], stopped: str, *, cancelled: bool, drained: bool
) -> int:
    """Exit status of a reboot.

    Args:
        boards: every board.
        stopped: why it stopped.
        cancelled: somebody cancelled it.
        drained: boards that are ready are left drained.
    """
    some = {board.outcome for board in boards}
    if cancelled and some & {Outcome.OPEN, Outcome.UNTOUCHED}:
        return CANCELLED
    short = stopped or drained or some & (LOST | {Outcome.UNDRAINED, Outcome.OPEN})
    return INCOMPLETE if short else DONE

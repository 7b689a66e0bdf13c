"""Every board's progress and the last lines that tell of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from picluster.campaign.events import Event, Sign
from picluster.campaign.progress import Progress, advance
from picluster.campaign.settings import Timeouts
from picluster.campaign.stages import Stage

#: Evidence kept of a board's current boot.
_LINES = 6


@dataclass(frozen=True, slots=True)
class Change:
    """What an event did.

    Attributes:
        board: the node's name.
        before, after: its progress.
    """

    board: str
    before: Progress
    after: Progress


class Tracker:
    """Folds events into progress.

    Args:
        boards: names of every board that may have any.
    """

    def __init__(self, boards: Iterable[str]) -> None:
        self._progress = {name: Progress() for name in boards}
        self._lines: dict[str, deque[str]] = {}

    def __getitem__(self, board: str) -> Progress:
        return self._progress[board]

    @property
    def boards(self) -> Mapping[str, Progress]:
        """Progress by name; to look at, not to change."""
        return self._progress

    def apply(self, event: Event) -> Change:
        """Take an event in."""
        before = self._progress[event.board]
        after = advance(before, event)
        self._progress[event.board] = after
        if event.sign is Sign.POWER_ON:
            self._lines.pop(event.board, None)
        elif event.line and after is not before:
            self._keep(event.board, event.line)
        return Change(event.board, before, after)

    def _keep(self, board: str, line: str) -> None:
        lines = self._lines.get(board)
        if lines is None:
            lines = self._lines[board] = deque(maxlen=_LINES)
        if not lines or lines[-1] != line:
            lines.append(line)

    def evidence(self, board: str) -> tuple[str, ...]:
        """The last lines of its current boot, oldest first."""
        return tuple(self._lines.get(board, ()))

    def restore(self, board: str, progress: Progress, lines: Iterable[str]) -> None:
        """Put back what a journal has kept."""
        self._progress[board] = progress
        self._lines[board] = deque(lines, maxlen=_LINES)


def deadline(progress: Progress, timeouts: Timeouts) -> float | None:
    """When a board counts as failed unless it gets on; ``None`` when nothing is awaited.

    Args:
        progress: of the board.
        timeouts: how long each stage may take.
    """
    if progress.failed or progress.stage is Stage.OFF:
        return None
    heard = progress.moved if progress.heard is None else progress.heard
    if progress.stage is Stage.READY:
        return heard + timeouts.heartbeat
    waits = {
        Stage.POWERED: progress.moved + timeouts.powered,
        Stage.DHCP: heard + timeouts.dhcp,
        Stage.TFTP: progress.moved + timeouts.tftp,
        Stage.KERNEL: progress.moved + timeouts.kernel,
        Stage.NFS: progress.moved + timeouts.nfs,
        Stage.UP: progress.moved + timeouts.up,
    }
    return min(waits[progress.stage], progress.began + timeouts.boot)

"""Who of a batch is still waited for, whom to ask again, and what became of the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from picluster.rollout.ports import Answer
from picluster.rollout.report import BoardResult, Outcome


@dataclass(frozen=True, slots=True)
class Patience:
    """How long boards are waited for, seconds.

    Attributes:
        answer_s: from being told to the first answer; a board that is silent so long is
            unreachable.
        again_s: after which a board that has not answered is told again.
        remind_s: every so often all that are waited for are told again: what they said may be lost.
        end_s: from being told to the end; a board that is still starting then has failed.
    """

    answer_s: float = 20.0
    again_s: tuple[float, ...] = (2.0, 5.0, 10.0)
    remind_s: float = 30.0
    end_s: float = 150.0


class Waiting:
    """The boards of a batch that were told, until each has its end.

    Args:
        boards: names.
        bank: number of their bank.
        order: name of the roll-out; what answers another is not heard.
        version: what they are to have; empty for none.
        began: when they were told.
        patience: see :class:`Patience`.

    Attributes:
        results: by board, of those that have an end. A board that was taken for unreachable and
            answers while others are waited for is taken back.
    """

    def __init__(
        self,
        boards: Iterable[str],
        bank: int,
        *,
        order: str,
        version: str,
        began: float,
        patience: Patience,
    ) -> None:
        self.results: dict[str, BoardResult] = {}
        self._open = list(boards)
        self._bank = bank
        self._order = order
        self._version = version
        self._began = began
        self._patience = patience
        self._again = list(patience.again_s)
        self._remind = began + patience.remind_s
        self._heard: set[str] = set()

    @property
    def open(self) -> list[str]:
        """Boards that are waited for."""
        return list(self._open)

    def hear(self, answer: Answer, now: float) -> None:
        """Take an answer in; one of another board, roll-out or version says nothing."""
        late = self.results.get(answer.board)
        waited = answer.board in self._open or (
            late is not None and late.outcome is Outcome.UNREACHABLE
        )
        if (answer.order, answer.version) != (self._order, self._version) or not waited:
            return
        ended = {"ok": Outcome.OK, "gone": Outcome.OK, "failed": Outcome.FAILED}.get(answer.state)
        self._heard.add(answer.board)
        if ended is not None:
            self._end(answer.board, ended, answer.reason, now)
        elif late is not None:
            del self.results[answer.board]
            self._open.append(answer.board)

    def due(self, now: float) -> list[str]:
        """Boards to tell again now: those that have not answered, now and then all."""
        if now >= self._remind:
            self._remind = now + self._patience.remind_s
            return self.open
        if not self._again or now - self._began < self._again[0]:
            return []
        while self._again and now - self._began >= self._again[0]:
            del self._again[0]
        return [board for board in self._open if board not in self._heard]

    def expire(self, now: float) -> None:
        """End the waiting for boards that took too long."""
        since, patience = now - self._began, self._patience
        for board in self.open:
            if board not in self._heard and since >= patience.answer_s:
                self._end(board, Outcome.UNREACHABLE, f"no answer in {since:.0f} s", now)
            elif since >= patience.end_s:
                self._end(board, Outcome.FAILED, f"still not done after {since:.0f} s", now)

    def next_s(self, now: float) -> float:
        """Seconds until there is something to do, whatever is heard."""
        patience, since = self._patience, now - self._began
        silent = any(board not in self._heard for board in self._open)
        times = [*self._again, patience.answer_s] if silent else []
        times += [self._remind - self._began, patience.end_s]
        return max(0.0, min((at - since for at in times if at > since), default=0.0))

    def cancel(self) -> None:
        """End the waiting for all."""
        for board in self.open:
            reason = "told, and not heard before the roll-out was cancelled; it goes on by itself"
            self._end(board, Outcome.OPEN, reason, None)

    def _end(self, board: str, outcome: Outcome, reason: str, now: float | None) -> None:
        seconds = None if now is None else round(now - self._began, 2)
        self.results[board] = BoardResult(board, self._bank, outcome, reason, seconds)
        if board in self._open:
            self._open.remove(board)

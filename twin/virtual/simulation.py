"""Virtual time: a queue of what happens when."""

from __future__ import annotations

import heapq
from collections.abc import Callable

Action = Callable[[], None]

#: 2026-01-05 08:00 UTC, a Monday: when simulated clusters begin.
EPOCH = 1767600000.0


class Simulation:
    """Runs actions in the order of their times; ties in the order they were planned.

    Attributes:
        now: seconds since the simulation began.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Action]] = []
        self._planned = 0

    def at(self, when: float, action: Action) -> None:
        """Plan an action; one in the past happens next."""
        self._planned += 1
        heapq.heappush(self._queue, (max(when, self.now), self._planned, action))

    def after(self, seconds: float, action: Action) -> None:
        """Plan an action for a later moment."""
        self.at(self.now + seconds, action)

    def next(self) -> float | None:
        """When the next action happens, ``None`` when nothing is planned."""
        return self._queue[0][0] if self._queue else None

    def step(self) -> None:
        """Let the next action happen."""
        when, _, action = heapq.heappop(self._queue)
        self.now = when
        action()

    def run_until(self, when: float) -> None:
        """Let everything up to a moment happen, and go to that moment."""
        while self._queue and self._queue[0][0] <= when:
            self.step()
        self.now = max(self.now, when)


class VirtualClock:
    """The clocks of the simulated head (see :class:`picluster.campaign.ports.Clock`).

    Args:
        simulation: gives the time.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.base = 0.0
        self.jumped = 0.0
        self._boots = 1

    def now(self) -> float:
        """Seconds since the head's start."""
        return self._simulation.now - self.base

    def wall(self) -> float:
        """Seconds since 1970, as the head believes."""
        return EPOCH + self._simulation.now + self.jumped

    def boot(self) -> str:
        """Names the head's present run."""
        return f"boot-{self._boots}"

    def restart(self) -> None:
        """The head starts anew: its monotonic clock begins at zero."""
        self.base = self._simulation.now
        self._boots += 1

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.jumped += seconds

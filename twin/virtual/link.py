"""The boot server's link: everybody who loads gets the same share of it."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from twin.virtual.simulation import Simulation


class Link:
    """A link shared equally, where no board takes more than it can.

    All transfers under way progress at one rate, so a transfer is done when the progress made since
    it began equals its size: starting or ending one costs the logarithm of their number.

    Args:
        simulation: gives the time.
        megabytes_s: rate of the link, 10^6 bytes per second.
        board_megabytes_s: the most one board takes.

    Attributes:
        megabytes: carried so far.
    """

    def __init__(
        self, simulation: Simulation, megabytes_s: float, board_megabytes_s: float
    ) -> None:
        self._simulation = simulation
        self._rate = megabytes_s
        self._board_rate = board_megabytes_s
        self._progress = 0.0
        self._seen = 0.0
        self._transfers: list[tuple[float, int, Callable[[], None]]] = []
        self._begun = 0
        self._plan = 0
        self.megabytes = 0.0

    def load(self, megabytes: float, done: Callable[[], None]) -> None:
        """Begin a transfer.

        Args:
            megabytes: its size.
            done: called at its end.
        """
        self._advance()
        self._begun += 1
        self.megabytes += megabytes
        heapq.heappush(self._transfers, (self._progress + megabytes, self._begun, done))
        self._replan()

    def _speed(self) -> float:
        return min(self._board_rate, self._rate / max(1, len(self._transfers)))

    def _advance(self) -> None:
        elapsed = self._simulation.now - self._seen
        self._progress += elapsed * self._speed()
        self._seen = self._simulation.now

    def _replan(self) -> None:
        if not self._transfers:
            return
        self._plan += 1
        plan, left = self._plan, self._transfers[0][0] - self._progress
        self._simulation.after(max(left, 0.0) / self._speed(), lambda: self._end(plan))

    def _end(self, plan: int) -> None:
        if plan != self._plan:
            return  # somebody began or ended meanwhile
        self._advance()
        done = []
        while self._transfers and self._transfers[0][0] <= self._progress + 1e-9:
            done.append(heapq.heappop(self._transfers)[2])
        self._replan()
        for tell in done:
            tell()

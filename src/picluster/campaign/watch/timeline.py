"""From stamps of a clock that may be set at any moment to the campaign's own time."""

from __future__ import annotations

from typing import Protocol

from picluster.campaign.ports import Clock
from picluster.campaign.watch.entry import Entry

#: A difference of the two clocks that is no drift, seconds.
_STEP_S = 1.5
#: Stamps are cut to whole seconds, and daemons are read a moment after they wrote.
_TOLERANCE_S = 2.0
_STEPS = 64


class Times(Protocol):
    """Knows when entries of one machine were written, in seconds of the campaign's clock."""

    def at(self, entry: Entry) -> float:
        """When an entry was written; never in the future."""
        ...

    def received(self, wall: float) -> float:
        """When a stamp of that machine's clock was made; never in the future."""
        ...


class Timeline:
    """:class:`Times` of this machine: knows how its clock was set while the campaign runs.

    Args:
        clock: the campaign's.

    Attributes:
        steps: how often the clock was set.
        odd: stamps that fit no setting of the clock; the time of arrival stands for them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offsets = [(float("-inf"), clock.wall() - clock.now())]
        self.steps = 0
        self.odd = 0

    def note(self) -> float:
        """Compare the clocks.

        Returns:
            The present, in seconds of the campaign's clock.
        """
        now = self._clock.now()
        offset = self._clock.wall() - now
        if abs(offset - self._offsets[-1][1]) > _STEP_S:
            self.steps += 1
            self._offsets = [*self._offsets[-_STEPS:], (now, offset)]
        return now

    def at(self, entry: Entry) -> float:
        """When an entry was written, in seconds of the campaign's clock; never in the future."""
        arrived = self.note()
        if entry.monotonic is not None and entry.boot and entry.boot == self._clock.boot():
            return min(entry.monotonic, arrived)
        if entry.wall is None:
            return arrived
        return self.of_wall(entry.wall, arrived)

    def received(self, wall: float) -> float:
        """When a stamp was made."""
        return self.of_wall(wall, self.note())

    def of_wall(self, wall: float, arrived: float) -> float:
        """When a stamp was made, of all settings of the clock by the latest that fits."""
        until = arrived
        for since, offset in reversed(self._offsets):
            moment = wall - offset
            if since - _TOLERANCE_S <= moment <= until + _TOLERANCE_S:
                return min(moment, arrived)
            until = since
        self.odd += 1
        return arrived

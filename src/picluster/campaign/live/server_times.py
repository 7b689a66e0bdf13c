"""When the entries of a boot server's journal were written, in the campaign's time."""

from __future__ import annotations

from collections.abc import Callable

from picluster.campaign.live.journal_source import ServerTime
from picluster.campaign.watch.entry import Entry


class ServerTimes:
    """See :class:`picluster.campaign.watch.timeline.Times`.

    The journal stamps entries with the machine's monotonic clock too, which nobody can set: how it
    stands to the campaign's clock was measured when the reading began.

    Args:
        measured: how the server's clocks stood then.
        now: the campaign's clock.
    """

    def __init__(self, measured: ServerTime, now: Callable[[], float]) -> None:
        self._now = now
        self._offsets = {measured.boot: measured.offset_s}
        self._measured = measured.boot
        self._wall_offset_s = measured.wall_offset_s

    def at(self, entry: Entry) -> float:
        """When an entry was written; never in the future."""
        arrived = self._now()
        if entry.monotonic is None or not entry.boot:
            return arrived if entry.wall is None else self.received(entry.wall)
        if entry.boot != self._measured:
            # the server has restarted: what arrives soonest after it was written tells most
            soonest = self._offsets.get(entry.boot, float("inf"))
            self._offsets[entry.boot] = min(soonest, arrived - entry.monotonic)
        return min(entry.monotonic + self._offsets[entry.boot], arrived)

    def received(self, wall: float) -> float:
        """When a stamp of the server's clock was made; never in the future."""
        return min(wall + self._wall_offset_s, self._now())

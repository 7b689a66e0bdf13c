"""What boards say of a workload, from the journals of their boot servers."""

from __future__ import annotations

from collections.abc import Sequence

from picluster.campaign.events import Event
from picluster.campaign.fleet import Fleet
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.inbox import LiveInbox
from picluster.campaign.live.reach import Reach
from picluster.rollout.ports import Answer


class LiveAnswers:
    """See :class:`picluster.rollout.ports.Answers`; a context manager that ends the reading.

    Args:
        fleet: the boards; nobody else is believed.
        reaches: the way to the boot servers.
        workload: the one that is rolled out.

    Raises:
        PiclusterError: a server cannot be reached.
    """

    def __init__(self, fleet: Fleet, reaches: Sequence[Reach], workload: str) -> None:
        self._workload = workload
        self._inbox = LiveInbox(fleet, SystemClock())
        self._inbox.follow(reaches)

    def take(self, timeout_s: float) -> Sequence[Answer]:
        """Wait until something is there or the time is over; empty then."""
        return [
            Answer(one.board, one.work.state, one.work.version, one.work.order, one.reason)
            for one in self._inbox.take(timeout_s).arrivals
            if isinstance(one, Event)
            and one.work is not None
            and one.work.workload == self._workload
        ]

    def __enter__(self) -> LiveAnswers:
        self._inbox.begin("")
        return self

    def __exit__(self, *_: object) -> None:
        self._inbox.close()

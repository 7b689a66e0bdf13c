"""Wait until boards that were asked to reboot are back, as their boot servers hear it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from picluster.campaign.diagnose import BankFacts, Case, diagnose
from picluster.campaign.events import Event, Sign
from picluster.campaign.fleet import Fleet
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.inbox import LiveInbox
from picluster.campaign.live.reach import Reach
from picluster.campaign.progress import Progress, advance

#: Messages of a board that is up.
_UP = frozenset({Sign.READY, Sign.ALIVE, Sign.WORKLOAD})
_LOOK_S = 0.5
_SAY_S = 15.0


@dataclass(frozen=True, slots=True)
class Back:
    """A board that has rebooted and is ready.

    Attributes:
        image: the version it says it runs.
        seconds: since it was waited for.
    """

    image: str
    seconds: float


class Comeback:
    """The boards of a batch, until each is back or the time is over.

    Args:
        fleet: the boards of the cluster.
        boots: the boards that are waited for, with the boot id they had.
    """

    def __init__(self, fleet: Fleet, boots: Mapping[str, str]) -> None:
        self._fleet = fleet
        self._boots = boots
        self._progress: dict[str, Progress] = {}
        self.back: dict[str, Back] = {}

    def fresh_s(self, seconds: float) -> float:
        """How long ago the first board was back: what was said before is of the boots before.

        Args:
            seconds: since they are waited for.
        """
        first = min((back.seconds for back in self.back.values()), default=seconds)
        return max(0.0, seconds - first + 1.0)

    @property
    def open(self) -> list[str]:
        """Boards that are waited for."""
        return [name for name in self._boots if name not in self.back]

    def hear(self, event: Event, seconds: float) -> None:
        """Take an event of any board in."""
        old = self._boots.get(event.board)
        if old is None:
            return
        before = self._progress.get(event.board, Progress())
        self._progress[event.board] = advance(before, event)
        if event.sign in _UP and event.boot not in ("", old) and event.board not in self.back:
            self.back[event.board] = Back(event.image, round(seconds, 1))

    def why(self, name: str, now: float) -> str:
        """Why a board is not back, as far as the logs tell."""
        progress = self._progress.get(name)
        if progress is None or progress.ready:
            return "did not begin to boot"
        given_up = advance(progress, Event(now, name, Sign.GIVEN_UP))
        facts = BankFacts(boards=len(self._boots), ready=len(self.back))
        found = diagnose(Case(self._fleet.by_name[name], given_up, facts))
        return f"at stage {found.stage}: {found.cause}"


def wait(
    comeback: Comeback,
    fleet: Fleet,
    reaches: Sequence[Reach],
    limit_s: float,
    say: Callable[[str], object],
    cancelled: Callable[[], bool],
) -> dict[str, str]:
    """Wait for boards.

    Args:
        comeback: the boards; it knows afterwards who is back.
        fleet: the boards of the cluster; nobody else is believed.
        reaches: the way to their boot servers.
        limit_s: how long they may take, seconds.
        say: told now and then how many are back.
        cancelled: asked several times a second.

    Returns:
        Why each of the others is not.

    Raises:
        PiclusterError: a boot server cannot be reached.
    """
    clock, total = SystemClock(), len(comeback.open)
    inbox = LiveInbox(fleet, clock)
    inbox.follow(reaches)
    began = clock.now()
    told = began
    try:
        inbox.begin("")
        while comeback.open and clock.now() - began < limit_s and not cancelled():
            for one in inbox.take(_LOOK_S).arrivals:
                if isinstance(one, Event):
                    comeback.hear(one, max(0.0, one.at - began))
            if clock.now() - told >= _SAY_S:
                told = clock.now()
                say(f"{len(comeback.back)} of {total} are back after {told - began:.0f} s")
    finally:
        inbox.close()
    return {name: comeback.why(name, clock.now()) for name in comeback.open}

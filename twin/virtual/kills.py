"""Kill a campaign at chosen moments, and let it resume from its journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from picluster.campaign.engine import World
from picluster.campaign.journal import Journal, Saved, Snapshot, SqliteJournal
from picluster.campaign.policy import History
from picluster.campaign.ports import Batch, Inbox, PowerControl, PowerOrder
from picluster.campaign.settings import Settings
from twin.virtual.run import Outcome, engine_of, ports_of
from twin.virtual.world import VirtualWorld


class Killed(BaseException):
    """The process is no more."""


#: Called at every contact of a campaign with the world; raises :class:`Killed` when it has to die.
Guillotine = Callable[[], None]


class _Inbox:
    def __init__(self, inner: Inbox, blade: Guillotine) -> None:
        self._inner, self._blade = inner, blade

    @property
    def refused(self) -> Mapping[str, int]:
        return self._inner.refused

    def begin(self, position: str) -> bool:
        return self._inner.begin(position)

    def take(self, timeout_s: float) -> Batch:
        batch = self._inner.take(timeout_s)
        self._blade()
        return batch


class _Power:
    def __init__(self, inner: PowerControl, blade: Guillotine) -> None:
        self._inner, self._blade = inner, blade

    def alone(self, board: str) -> bool:
        return self._inner.alone(board)

    def sharing(self, bank: int) -> Sequence[int]:
        return self._inner.sharing(bank)

    def submit(self, order: PowerOrder) -> None:
        self._blade()
        self._inner.submit(order)
        self._blade()


class _Journal:
    def __init__(self, inner: Journal, blade: Guillotine) -> None:
        self._inner, self._blade = inner, blade

    def history(self) -> History:
        return self._inner.history()

    def unfinished(self) -> Saved | None:
        return self._inner.unfinished()

    def abandon(self) -> None:
        self._inner.abandon()

    def start(self, scope: Iterable[int], settings: Mapping[str, object]) -> None:
        self._inner.start(scope, settings)
        self._blade()

    def intend(self, order: PowerOrder, at: float, snapshot: Snapshot) -> None:
        self._inner.intend(order, at, snapshot)
        self._blade()

    def save(self, snapshot: Snapshot) -> None:
        self._blade()
        self._inner.save(snapshot)
        self._blade()

    def finish(self, report: Mapping[str, object]) -> None:
        self._inner.finish(report)


def run_killed(
    world: VirtualWorld,
    path: Path,
    blade: Guillotine,
    *,
    settings: Settings | None = None,
    dead_s: float = 20.0,
) -> tuple[Outcome, int]:
    """Run a campaign that dies whenever the blade falls, and begin it again each time.

    Args:
        world: the cluster, which keeps its signs.
        path: of the journal.
        blade: see :data:`Guillotine`.
        settings: the knobs.
        dead_s: seconds until somebody begins it again; the cluster goes on meanwhile.

    Returns:
        The campaign that came to its end, and how often it died.
    """
    deaths = 0
    while True:
        with SqliteJournal(path, world.fleet.cluster, world.clock, durable=False) as journal:
            plain = ports_of(world, _Journal(journal, blade))
            ports = World(
                plain.clock,
                _Power(plain.power, blade),
                _Inbox(plain.inbox, blade),
                plain.services,
                plain.journal,
            )
            try:
                engine = engine_of(world, settings=settings, ports=ports)
                return Outcome(engine.run(), world, engine), deaths
            except Killed:
                deaths += 1
        world.attach(None)
        world.simulation.run_until(world.simulation.now + dead_s)

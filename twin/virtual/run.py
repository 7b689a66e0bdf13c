"""Run campaigns in virtual time, and hold them against the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from picluster.campaign.engine import Audience, Engine, World
from picluster.campaign.fleet import Board, Fleet
from picluster.campaign.journal import Journal, Notice, Transient
from picluster.campaign.policy import Policy, Priced
from picluster.campaign.report import Report
from picluster.campaign.settings import Settings
from picluster.mac import MacAddress
from twin.virtual.faults import TRUTH, Fault, Plagues
from twin.virtual.settings import Hardware
from twin.virtual.world import Hear, VirtualInbox, VirtualServices, VirtualWorld


def fleet_like(banks: Sequence[int], size: int, *, racks: int = 4, name: str = "twin") -> Fleet:
    """A fleet of invented boards.

    Args:
        banks: numbers, 0 to 255; the third octet of their addresses.
        size: boards of each, at most 254.
        racks: racks the banks are spread over, in order.
        name: of the cluster.
    """
    boards = []
    per_rack = -(-len(banks) // racks)
    for place, bank in enumerate(banks):
        for slot in range(1, size + 1):
            low = bank << 8 | slot
            mac = f"b8:27:eb:{low >> 16:02x}:{low >> 8 & 255:02x}:{low & 255:02x}"
            boards.append(
                Board(
                    f"pi-{bank}-{slot}",
                    bank,
                    slot,
                    f"172.20.{bank}.{slot}",
                    MacAddress(mac),
                    f"00{low:06x}",
                    rack=place // per_rack + 1,
                    row=1 + (slot - 1) * 2 // size,
                )
            )
    return Fleet(name, tuple(boards), {"172.20.0.10": "the head's"})


@dataclass(frozen=True, slots=True)
class Truth:
    """A finished campaign held against what really happened.

    Attributes:
        healthy: boards that became ready in the simulation, at the end.
        known: of those, ready in the report.
        faulty: boards that did not, in banks that have power.
        named: of those, with the right stage and cause.
        unseen: boards that crashed so shortly before the end that nobody could know.
        wrong: names of the others, with what was said and what was so.
    """

    healthy: int
    known: int
    faulty: int
    named: int
    unseen: int = 0
    wrong: tuple[str, ...] = ()


@dataclass(slots=True)
class Outcome:
    """A campaign that was run.

    Attributes:
        report: its report.
        world: the cluster as it was left.
        engine: the campaign.
    """

    report: Report
    world: VirtualWorld
    engine: Engine

    @property
    def ready(self) -> frozenset[str]:
        """Names of the boards that are up, in the simulation."""
        return frozenset(name for name, board in self.world.boards.items() if board.ready)

    @property
    def plugged(self) -> int:
        """Boards of banks that are plugged in."""
        return sum(
            len(boards)
            for bank, boards in self.world.fleet.by_bank.items()
            if bank not in self.world.unplugged
        )


def simulate(
    fleet: Fleet,
    plagues: Plagues,
    *,
    settings: Settings | None = None,
    policy: Policy | None = None,
    hardware: Hardware | None = None,
    hear: Callable[[VirtualWorld], Hear] | None = None,
    observe: Callable[[Notice], None] | None = None,
) -> Outcome:
    """Boot every bank of a fleet in virtual time (see :class:`VirtualWorld`, :func:`engine_of`)."""
    world = VirtualWorld(fleet, plagues, hardware, hear=hear)
    engine = engine_of(world, settings=settings, policy=policy, observe=observe)
    return Outcome(engine.run(), world, engine)


def engine_of(
    world: VirtualWorld,
    *,
    settings: Settings | None = None,
    policy: Policy | None = None,
    ports: World | None = None,
    observe: Callable[[Notice], None] | None = None,
) -> Engine:
    """A campaign for every bank of a simulated cluster."""
    return Engine(
        world.fleet,
        list(world.fleet.by_bank),
        settings or Settings(),
        policy or Priced(),
        ports or ports_of(world, Transient()),
        audience=Audience(observe) if observe else None,
    )


def ports_of(world: VirtualWorld, journal: Journal) -> World:
    """The ports of a campaign that listens to a simulated cluster."""
    return World(world.clock, world.power, VirtualInbox(world), VirtualServices(world), journal)


@dataclass(slots=True)
class _Judge:
    known: int = 0
    healthy: int = 0
    faulty: int = 0
    unseen: int = 0
    wrong: list[str] = field(default_factory=list)


def truth_of(outcome: Outcome) -> Truth:
    """Hold a report against the simulation."""
    judge, world = _Judge(), outcome.world
    rows = {row.name: row for row in outcome.report.down}
    for name, board in world.boards.items():
        row = rows.get(name)
        bank = board.board.bank
        if board.ready:
            judge.healthy += 1
            judge.known += row is None
            continue
        if not world.has_power(bank):
            continue
        silent_s = world.simulation.now - board.ended_at
        heartbeat_s = outcome.engine.state.settings.timeouts.heartbeat
        if row is None and board.ended in _AFTER_READY and silent_s <= heartbeat_s:
            judge.unseen += 1
            continue
        judge.faulty += 1
        said = (row.stage, row.key) if row else ("ready", "")
        if said not in _right(board.ended, unplugged=bank in world.unplugged):
            judge.wrong.append(f"{name}: {board.ended}, but {' '.join(said)}")
    return Truth(
        judge.healthy,
        judge.known,
        judge.faulty,
        judge.faulty - len(judge.wrong),
        judge.unseen,
        tuple(judge.wrong),
    )


_AFTER_READY = (Fault.CRASH, Fault.OVERHEATS)
#: A service or switch that was away stops a board wherever it is.
AWAY = frozenset(
    {
        ("powered", "no-discover"),
        ("dhcp", "no-offer"),
        ("dhcp", "offer-ignored"),
        ("tftp", "bootcode-only"),
        ("tftp", "tftp-stalled"),
        ("tftp", "kernel-silent"),
        ("powered", "bank-silent"),
    }
)


def _right(ended: Fault | str | None, *, unplugged: bool) -> frozenset[tuple[str, str]]:
    if unplugged:
        return frozenset({("powered", "bank-silent")})
    return TRUTH.get(ended, frozenset()) if isinstance(ended, Fault) else AWAY

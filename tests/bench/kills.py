"""A campaign that dies at 50 random moments, in virtual time, ends with the same boards.

The campaign is killed between any two contacts with the world; for some of the kills the DHCP
server, a PDU or the whole head goes with it. What was ready before stays ready.
"""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.campaign.fleet import fleet_of
from picluster.plan.read import read_plan
from tests.bench.clusters import POLICEBOX, description_of
from tests.bench.figure import Figure, exactly
from tests.bench.measure import say
from twin.virtual.faults import Plagues, Rates
from twin.virtual.kills import Killed, run_killed
from twin.virtual.run import Outcome, simulate
from twin.virtual.world import VirtualWorld

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picluster.campaign.fleet import Fleet

KILLS = 50
_SEEDS = range(1, 6)
_DEAD_S = 4.0
#: Whether a ready board crashes before or after the end depends on when that is.
_RATES = Rates(crash=0.0)


@dataclass(slots=True)
class Reaper:
    """Kills a campaign every so often.

    Attributes:
        world: the cluster.
        chance: says when, and what else goes.
        left: kills still to come.
        next_s: moment of the next one.
        what: what went, counted.
    """

    world: VirtualWorld
    chance: random.Random
    left: int
    next_s: float = 10.0
    what: dict[str, int] = field(default_factory=dict)

    def __call__(self) -> None:
        """Called at every contact of the campaign with the world."""
        now = self.world.simulation.now
        if not self.left or now < self.next_s:
            return
        self.left -= 1
        self.next_s = now + _DEAD_S + self.chance.uniform(1, 40)
        also = self.chance.choice(["", "", "dhcp", "pdu", "tftp", "head"])
        self.what[also or "campaign"] = self.what.get(also or "campaign", 0) + 1
        if also == "pdu":
            self.world.power.break_pdu(f"pdu-{self.chance.randint(1, 5)}", 10)
        elif also == "head":
            self.world.restart_head(_DEAD_S)
        elif also:
            self.world.stop_service(also, 3)
        raise Killed


def figures() -> Iterator[Figure]:
    """Five clusters, ten deaths each, each held against its undisturbed campaign."""
    plan = read_plan(description_of(POLICEBOX))
    fleet = fleet_of(plan)
    pdus = {bank.number: bank.pdu or "" for bank in plan.cluster.banks}
    deaths = different = cut = 0
    for seed in _SEEDS:
        whole = simulate(fleet, Plagues(seed, _RATES))
        killed, died = _killed(fleet, pdus, seed, KILLS // len(_SEEDS))
        deaths += died
        missing = whole.ready ^ killed.ready
        different += len(missing)
        more = _cuts_of_ready(killed) - _cuts_of_ready(whole)
        cut += max(0, more)
        say(f"kills: seed {seed}: {died} deaths, {len(missing)} boards differ, {more} more cuts")
    yield Figure("kills.deaths", deaths, "kills", exactly(KILLS))
    yield Figure("kills.different_boards", different, "boards", exactly(0))
    yield Figure("kills.cuts_because_of_it", cut, "cuts", exactly(0))


def _cuts_of_ready(outcome: Outcome) -> int:
    """How often power was taken from boards that were ready."""
    return sum(bool(ready) for _, _, ready in outcome.world.power.cuts)


def _killed(fleet: Fleet, pdus: dict[int, str], seed: int, kills: int) -> tuple[Outcome, int]:
    world = VirtualWorld(fleet, Plagues(seed, _RATES), pdus=pdus, keep=True)
    reaper = Reaper(world, random.Random(seed), kills)
    with tempfile.TemporaryDirectory(prefix="picluster-bench-") as folder:
        return run_killed(world, Path(folder, "journal.db"), reaper, dead_s=_DEAD_S)

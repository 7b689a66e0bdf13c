"""Campaigns with the default faults: what becomes ready, and whether the rest is named rightly.

The police box in virtual time, ten seeds; and the mini cluster live, 84 boards that boot from a
real head behind simulated PDUs, with the faults of the demonstration.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.campaign.fleet import fleet_of
from picluster.plan.read import read_plan
from tests.bench.clusters import MINI, POLICEBOX, description_of
from tests.bench.figure import Figure, at_least, at_most, exactly
from tests.bench.heads import bare_head, converge
from tests.bench.measure import say
from twin.cluster import LiveTwin, Wishes
from twin.cluster.campaign import boot, verdict_of
from twin.cluster.prepare import publish
from twin.head.places import build_dir
from twin.virtual.faults import Fault, Plagues
from twin.virtual.run import Outcome, simulate, truth_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = range(1, 11)
LIVE_SEED = 39
#: Faults by which a board uses an address that is not its own.
_STRAYS = (Fault.TAKES_OFFER, Fault.OFF_PLAN)


def figures() -> Iterator[Figure]:
    """The virtual ones first."""
    yield from _virtual()
    yield from _live()


def _virtual() -> Iterator[Figure]:
    fleet = fleet_of(read_plan(description_of(POLICEBOX)))
    outcomes = [simulate(fleet, Plagues(seed)) for seed in SEEDS]
    truths = [truth_of(outcome) for outcome in outcomes]
    for line in (wrong for truth in truths for wrong in truth.wrong):
        say(f"campaign: {line}")
    ready, healthy = sum(t.known for t in truths), sum(t.healthy for t in truths)
    named, faulty = sum(t.named for t in truths), sum(t.faulty for t in truths)
    yield Figure("campaign.boards", len(fleet.boards) * len(SEEDS), "boards")
    yield Figure("campaign.healthy_ready", 100 * ready / healthy, "%", at_least(99.5))
    yield Figure("campaign.faulty_named", 100 * named / max(1, faulty), "%", at_least(99))
    unnoticed = sum(map(_unnoticed, outcomes))
    yield Figure("campaign.strays_unnoticed", unnoticed, "boards", exactly(0))
    minutes = sum(outcome.report.minutes for outcome in outcomes) / len(outcomes)
    yield Figure("campaign.minutes", minutes, "min")


def _unnoticed(outcome: Outcome) -> int:
    """Boards that ended at an address that is not theirs, and no alarm of it."""
    alarms = " ".join(outcome.report.alarms)
    strays = [name for name, board in outcome.world.boards.items() if board.ended in _STRAYS]
    return sum(f"{name} (" not in alarms for name in strays)


def _live() -> Iterator[Figure]:
    with bare_head(MINI) as (head, rack):
        converge(head, MINI)
        log = build_dir() / "bench-campaign.log"
        publish(head, read_plan(description_of(MINI)).cluster, MINI, log=log)
        with (
            LiveTwin(MINI, head, rack, Wishes(Plagues(LIVE_SEED))) as twin,
            tempfile.TemporaryDirectory(prefix="picluster-bench-") as folder,
        ):
            report = boot(twin, Path(folder), quiet=True)
            verdict = verdict_of(twin, report)
            boards = twin.truth.boards()
    for line in verdict.wrong:
        say(f"campaign: {line}")
    ready = 100 * verdict.ready / verdict.healthy
    yield Figure("campaign.live_healthy_ready", ready, "%", at_least(99.5))
    named = 100 * verdict.named / max(1, verdict.faulty)
    yield Figure("campaign.live_faulty_named", named, "%", at_least(99))
    double = [
        board.name
        for board in boards.values()
        if board.stolen_by and boards[board.stolen_by].fault != Fault.TAKES_OFFER.value
    ]
    yield Figure("campaign.live_duplicate_addresses", len(double), "boards", exactly(0))
    yield Figure("campaign.live_minutes", report["minutes"], "min", at_most(6))

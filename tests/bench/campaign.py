"""Campaigns with the default faults: what becomes ready, and whether the rest is named rightly.

In virtual time the police box, ten seeds, and clusters of up to 65,024 boards; live the mini
cluster, 84 boards that boot from a real head behind simulated PDUs, with the faults of the
demonstration.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.campaign.fleet import fleet_of
from picluster.campaign.settings import Settings
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
from twin.virtual.run import Outcome, fleet_like, simulate, truth_of
from twin.virtual.settings import Hardware

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = range(1, 11)
LIVE_SEED = 39
#: Banks, and boards of each: about ten thousand, and every address of a /16.
_LARGE = ((238, 42), (256, 254))
#: Rate of their boot server's link.
_LINK_MBIT = 10_000
#: As in the police box; more of them make a rack too hot to go on.
_BANKS_OF_A_RACK = 6
#: Faults by which a board uses an address that is not its own.
_STRAYS = (Fault.TAKES_OFFER, Fault.OFF_PLAN)


def figures() -> Iterator[Figure]:
    """The virtual ones first."""
    yield from _virtual()
    for banks, size in _LARGE:
        yield from _large(banks, size)
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


def _large(banks: int, size: int) -> Iterator[Figure]:
    """One campaign of many boards: every one of them accounted for."""
    fleet = fleet_like(range(banks), size, racks=-(-banks // _BANKS_OF_A_RACK))
    start = time.monotonic()
    link = {"link_mbit": _LINK_MBIT}
    outcome = simulate(
        fleet, Plagues(SEEDS[0]), settings=Settings(**link), hardware=Hardware(**link)
    )
    seconds, truth, count = time.monotonic() - start, truth_of(outcome), len(fleet.boards)
    for line in truth.wrong[:10]:
        say(f"campaign: {line}")
    yield Figure(f"campaign.of_{count}_healthy_ready", 100 * truth.known / truth.healthy, "%",
                 at_least(99.5))  # fmt: skip
    yield Figure(f"campaign.of_{count}_faulty_named", 100 * truth.named / truth.faulty, "%",
                 at_least(99))  # fmt: skip
    lost = count - truth.healthy - truth.faulty - truth.unseen
    yield Figure(f"campaign.of_{count}_unaccounted", lost, "boards", exactly(0))
    yield Figure(f"campaign.of_{count}_minutes", outcome.report.minutes, "min")
    yield Figure(f"campaign.of_{count}_took", seconds, "s")


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

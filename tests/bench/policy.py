"""Virtual time, same seeds: the project's policy against the two ways banks were booted before.

"Cycle the bank until all 42 are up" is what the people of the 1050-Pi cluster did: one bank at a
time, shut down and try again. With a dead board in the bank that never ends, so it is given ten
attempts. "Accept the first result" takes what comes up. Both are also run with the project's
overlap of banks, so that what the retry rule alone brings is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import mean
from typing import TYPE_CHECKING

from picluster.campaign.fleet import fleet_of
from picluster.campaign.policy import FirstResult, Policy, Priced, UntilAllUp
from picluster.campaign.settings import Settings
from picluster.plan.read import read_plan
from tests.bench.clusters import POLICEBOX, description_of
from tests.bench.figure import Figure, at_least
from tests.bench.measure import say
from twin.virtual.faults import Plagues
from twin.virtual.run import simulate, truth_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picluster.campaign.fleet import Fleet

SEEDS = range(1, 11)
_TRIES = 10
_OVERLAP = Settings()
#: The link is taken for so slow that a bank waits for the one before it.
_ONE_BY_ONE = replace(_OVERLAP, load_s=1.0)


@dataclass(frozen=True, slots=True)
class Result:
    """Averages over the seeds.

    Attributes:
        minutes: of the campaign.
        boards: ready boards, of all.
        plugged: ready boards, of those in banks that are plugged in, percent.
        boots: times a bank got power, per bank.
        named: failed boards with their right stage and cause, percent.
    """

    minutes: float
    boards: float
    plugged: float
    boots: float
    named: float


def figures() -> Iterator[Figure]:
    """The police box with default faults, every policy with the same ten seeds."""
    fleet = fleet_of(read_plan(description_of(POLICEBOX)))
    tries = replace(_ONE_BY_ONE, max_attempts=_TRIES)
    ours = _run(fleet, Priced(), _OVERLAP)
    until = _run(fleet, UntilAllUp(), tries)
    first = _run(fleet, FirstResult(), _ONE_BY_ONE)
    for name, result in (("priced", ours), ("until_all_up", until), ("first_result", first)):
        yield Figure(f"policy.{name}_minutes", result.minutes, "min")
        yield Figure(f"policy.{name}_yield", result.plugged, "%")
        yield Figure(f"policy.{name}_boots", result.boots, "per_bank")
    yield Figure("policy.minutes_saved", until.minutes / ours.minutes, "x", at_least(2))
    yield Figure("policy.yield_lost", until.plugged - ours.plugged, "points")
    yield Figure("policy.yield_won", ours.plugged - first.plugged, "points", at_least(5))
    yield Figure("policy.named", ours.named, "%", at_least(99))
    alone = _run(fleet, Priced(), _ONE_BY_ONE)
    yield Figure("policy.one_by_one_minutes_saved", until.minutes / alone.minutes, "x")
    together = _run(fleet, UntilAllUp(), replace(_OVERLAP, max_attempts=_TRIES))
    yield Figure("policy.overlapped_minutes_saved", together.minutes / ours.minutes, "x")


def _run(fleet: Fleet, policy: Policy, settings: Settings) -> Result:
    say(f"policy: {policy.name}, {settings.boards_loading} boards at a time, {len(SEEDS)} seeds")
    outcomes = [simulate(fleet, Plagues(seed), policy=policy, settings=settings) for seed in SEEDS]
    truths = [truth_of(outcome) for outcome in outcomes]
    for wrong in (line for truth in truths for line in truth.wrong):
        say(f"policy: {wrong}")
    runs = [outcome.engine.state.runs.values() for outcome in outcomes]
    return Result(
        minutes=mean(outcome.report.minutes for outcome in outcomes),
        boards=mean(outcome.report.ready for outcome in outcomes),
        plugged=100
        * sum(outcome.report.ready for outcome in outcomes)
        / sum(outcome.plugged for outcome in outcomes),
        boots=mean(mean(run.attempt for run in some) for some in runs),
        named=100
        * sum(truth.named for truth in truths)
        / max(1, sum(truth.faulty for truth in truths)),
    )

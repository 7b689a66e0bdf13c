"""The stop rule, for every mix of failed and unreachable around the budget."""

from __future__ import annotations

import itertools

import pytest
from rolling import FakeWorld, roll

from picluster.rollout.report import BoardResult, Outcome, stops

BUDGET = 3


def batch(**counts: int) -> list[BoardResult]:
    return [
        BoardResult(f"{name}{number}", 1, Outcome(name))
        for name, count in counts.items()
        for number in range(count)
    ]


@pytest.mark.parametrize(("failed", "unreachable"), list(itertools.product(range(8), repeat=2)))
def test_failed_and_unreachable_count_alike(failed: int, unreachable: int) -> None:
    results = batch(ok=36, failed=failed, unreachable=unreachable, unchanged=1, absent=9)
    assert stops(results, BUDGET) == (failed + unreachable > BUDGET)


@pytest.mark.parametrize("lost", [{"failed": 1}, {"unreachable": 1}, {"failed": 1, "absent": 5}])
def test_a_batch_that_nobody_is_left_of_stops_it(lost: dict[str, int]) -> None:
    assert stops(batch(**lost), BUDGET)
    assert not stops(batch(**lost, unchanged=1), BUDGET)


@pytest.mark.parametrize("results", [{}, {"absent": 42}, {"unchanged": 42}, {"ok": 1}])
def test_a_batch_that_lost_nobody_goes_on(results: dict[str, int]) -> None:
    assert not stops(batch(**results), 0)


@pytest.mark.parametrize(("failed", "unreachable"), list(itertools.product(range(7), repeat=2)))
def test_no_board_of_the_next_bank_is_touched(failed: int, unreachable: int) -> None:
    """Whatever the mix, and in whatever order boards of the batch are lost."""
    world = FakeWorld(banks={1: 20, 2: 20})
    names = world.names(1)[1:]  # the first one is the canary
    lost = names[:: len(names) // 12][: failed + unreachable]
    for name in lost[:failed]:
        world.failing[name] = "too ill"
    world.silent |= set(lost[failed:])
    report = roll(world, budget=BUDGET)
    stopped = failed + unreachable > BUDGET
    touched = {name for name in world.assigned if name.startswith("pi-2-")}
    assert touched == (set() if stopped else set(world.names(2)))
    assert {name for name in world.poked if name.startswith("pi-2-")} == touched
    assert bool(report.stopped) == stopped
    assert (report.counts["failed"], report.counts["unreachable"]) == (failed, unreachable)
    assert report.banks[2]["untouched"] == (20 if stopped else 0)
    assert report.status == (3 if lost else 0)

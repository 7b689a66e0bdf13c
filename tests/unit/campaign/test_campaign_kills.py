"""A campaign that is killed ends with the same boards, and cuts none because of it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from campaigning import defaults, small_fleet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picluster.campaign.fleet import Fleet
from twin.virtual.faults import Plagues
from twin.virtual.kills import Killed, run_killed
from twin.virtual.run import Outcome, simulate
from twin.virtual.world import VirtualWorld

#: So short a death changes no decision.
_SHORT_S = 5.0
# no crashes of ready boards: whether one comes before or after the end depends on when that is
RATES = {"crash": 0.0, "hiccup": 0.6, "unplugged": 0.1, "pdu_hang": 0.0, "pdu_garbage": 0.0}


class Contacts:
    """Falls at given contacts of the campaign with the world."""

    def __init__(self, at: Iterable[int] = ()) -> None:
        self.at = frozenset(at)
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        if self.count in self.at:
            raise Killed


def killed(
    fleet: Fleet, plagues: Plagues, contacts: Contacts, dead_s: float = 20.0
) -> tuple[Outcome, int]:
    world = VirtualWorld(fleet, plagues, keep=True)
    with TemporaryDirectory() as folder:
        return run_killed(world, Path(folder, "journal"), contacts, dead_s=dead_s)


def cuts(outcome: Outcome) -> list[str]:
    return sorted(what for _, what, _ in outcome.world.power.cuts)


@pytest.mark.parametrize("contact", [237])
def test_boots_are_counted_once(contact: int) -> None:
    """Found by chance: an outcome that was kept without the note that it was."""
    fleet, plagues = small_fleet(3, 12), defaults(46, **RATES)
    outcome, _ = killed(fleet, plagues, Contacts([contact]), 0.0)
    same(simulate(fleet, plagues), outcome)


def same(one: Outcome, other: Outcome) -> None:
    assert one.ready == other.ready
    assert cuts(one) == cuts(other)
    assert [bank.phase for bank in one.report.banks] == [bank.phase for bank in other.report.banks]


def test_killed_at_contacts_all_over_the_campaign() -> None:
    fleet, plagues = small_fleet(2, 8), defaults(7, **RATES)
    whole = simulate(fleet, plagues)
    assert cuts(whole)  # there is something to lose
    counted = Contacts()
    undisturbed, deaths = killed(fleet, plagues, counted)
    same(whole, undisturbed)
    assert deaths == 0
    for contact in range(1, counted.count + 1, 5):
        outcome, deaths = killed(fleet, plagues, Contacts([contact]))
        assert deaths == 1
        same(whole, outcome)


@given(
    st.integers(0, 50),
    st.lists(st.integers(1, 400), min_size=1, max_size=8, unique=True),
    st.sampled_from([0.0, 5.0, 60.0, 600.0]),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_killed_again_and_again_and_dead_for_long(
    seed: int, contacts: list[int], dead_s: float
) -> None:
    fleet, plagues = small_fleet(2, 12), defaults(seed, **RATES)
    outcome, _ = killed(fleet, plagues, Contacts(contacts), dead_s)
    if dead_s <= _SHORT_S:
        same(simulate(fleet, plagues), outcome)
    # who is dead for long decides later, and knows more; but each cut is still a decision
    cycled = [notice for notice in outcome.report.notices if ": cycled: " in notice]
    assert len(cuts(outcome)) <= len(cycled)
    assert outcome.report.ready == len(outcome.ready)


@pytest.mark.parametrize("seed", range(3))
def test_a_head_that_restarts_loses_no_good_board(seed: int) -> None:
    """The machine starts anew: its clock counts from zero, its services are away for a while."""
    fleet, plagues = small_fleet(4, 42), defaults(seed, **RATES)
    chance = random.Random(seed)
    world = VirtualWorld(fleet, plagues, keep=True)
    moments = sorted(chance.uniform(30, 110) for _ in range(2))

    def blade() -> None:
        if moments and world.simulation.now >= moments[0]:
            del moments[0]
            world.restart_head(15)
            raise Killed

    with TemporaryDirectory() as folder:
        outcome, deaths = run_killed(world, Path(folder, "journal"), blade, dead_s=15)
    assert deaths == 2
    assert outcome.report.ready == len(outcome.ready)
    decided = {one.view.bank for one in outcome.engine.decided}
    assert decided
    # whoever was ready when power was cut had been paid for
    enough = 0.9 * sum(1 for board in world.boards.values() if not board.ended)
    assert len(outcome.ready) >= enough


def test_a_wall_clock_that_is_set_changes_nothing() -> None:
    fleet, plagues = small_fleet(3, 12), defaults(3, **RATES)
    world = VirtualWorld(fleet, plagues, keep=True)
    world.simulation.at(40.0, lambda: world.clock.jump(-86400))
    world.simulation.at(90.0, lambda: world.clock.jump(7200))
    with TemporaryDirectory() as folder:
        contacts = Contacts([60, 120])
        outcome, _ = run_killed(world, Path(folder, "journal"), contacts)
    same(simulate(fleet, plagues), outcome)

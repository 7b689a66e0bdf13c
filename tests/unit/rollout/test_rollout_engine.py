"""Batches, waiting and ends of a roll-out, in virtual time."""

from __future__ import annotations

import pytest
from rolling import ORDER, FakeWorld, engine_of, fleet_of_banks, roll

from picluster.rollout.batches import Batch, batches_of


def outcomes(report: object) -> dict[str, str]:
    return {one.name: one.outcome.value for one in report.boards}  # type: ignore[attr-defined]


def test_batches_follow_banks_with_a_canary_first() -> None:
    fleet = fleet_of_banks({1: 4, 2: 3, 3: 1})
    names = [board.name for board in fleet.boards]
    ready = set(names) - {"pi-2-1", "pi-1-1"}
    assert batches_of(fleet, names, ready) == [
        Batch(1, ("pi-1-2",), canary=True),
        Batch(1, ("pi-1-3", "pi-1-4"), ("pi-1-1",)),
        Batch(2, ("pi-2-2", "pi-2-3"), ("pi-2-1",)),
        Batch(3, ("pi-3-1",)),
    ]
    assert batches_of(fleet, names, ready, canary_bank=2)[:2] == [
        Batch(2, ("pi-2-2",), canary=True),
        Batch(2, ("pi-2-3",), ("pi-2-1",)),
    ]


def test_a_bank_with_forty_live_boards_is_a_batch_of_forty() -> None:
    fleet = fleet_of_banks({11: 42, 12: 42})
    names = [board.name for board in fleet.boards]
    ready = set(names) - {"pi-12-3", "pi-12-40"}
    sizes = [(len(one.boards), one.absent) for one in batches_of(fleet, names, ready)]
    assert sizes == [(1, ()), (41, ()), (40, ("pi-12-3", "pi-12-40"))]


def test_every_board_is_accounted_for() -> None:
    world = FakeWorld({1: 6, 2: 3})
    world.failing["pi-1-3"] = "not healthy: too ill"
    world.silent.add("pi-2-2")
    report = roll(world, unchanged=["pi-1-2"], absent=["pi-1-6"])
    assert outcomes(report) == {
        "pi-1-1": "ok",
        "pi-1-2": "unchanged",
        "pi-1-3": "failed",
        "pi-1-4": "ok",
        "pi-1-5": "ok",
        "pi-1-6": "absent",
        "pi-2-1": "ok",
        "pi-2-2": "unreachable",
        "pi-2-3": "ok",
    }
    reasons = {one.name: one.reason for one in report.boards if one.reason}
    assert reasons == {
        "pi-1-3": "not healthy: too ill",
        "pi-1-6": "at stage off",
        "pi-2-2": "no answer in 20 s",
    }
    assert report.status == 3
    # latecomers are assigned it with their bank; what is so already is not
    assert "pi-1-6" in world.assigned
    assert "pi-1-6" not in world.poked
    assert "pi-1-2" not in world.assigned


def test_a_lost_datagram_is_sent_again_to_those_who_missed_it() -> None:
    world = FakeWorld({1: 5})
    world.deaf["pi-1-4"] = 3
    report = roll(world)
    assert report.status == 0
    assert world.poked.count("pi-1-4") == 4
    assert world.poked.count("pi-1-3") == 1


def test_an_answer_that_was_lost_is_asked_for_again() -> None:
    world = FakeWorld({1: 5})
    world.mute["pi-1-4"] = 1
    report = roll(world)
    assert report.status == 0
    assert world.poked.count("pi-1-4") == 2
    (found,) = [one.seconds for one in report.boards if one.name == "pi-1-4"]
    assert found == pytest.approx(33, abs=1)


def test_a_canary_that_is_lost_stops_it_whatever_the_budget() -> None:
    for lose in ("failing", "silent"):
        world = FakeWorld({1: 5, 2: 5})
        if lose == "failing":
            world.failing["pi-1-1"] = "ill"
        else:
            world.silent.add("pi-1-1")
        report = roll(world, budget=40)
        assert world.assigned == ["pi-1-1"]
        assert report.counts["untouched"] == 9
        assert report.stopped == "bank 1, canary lost 1 of 1 boards, 40 are allowed"


def test_a_board_that_starts_for_ever_has_failed() -> None:
    world = FakeWorld({1: 5})
    world.slow_s["pi-1-2"] = 1e6
    report = roll(world)
    (slow,) = [one for one in report.boards if one.name == "pi-1-2"]
    assert (slow.outcome.value, slow.reason) == ("failed", "still not done after 100 s")


def test_a_late_answer_counts_while_others_are_waited_for() -> None:
    world = FakeWorld({1: 5})
    world.slow_s["pi-1-2"] = 60.0
    world.silent.add("pi-1-3")
    world.at = [(30.0, lambda: world.say("pi-1-3", "ok", 0.1))]
    assert set(outcomes(roll(world)).values()) == {"ok"}


@pytest.mark.parametrize("other", [{"order": "f" * 16}, {"version": "2"}])
def test_answers_to_something_else_say_nothing(other: dict[str, str]) -> None:
    world = FakeWorld({1: 3})
    world.silent.add("pi-1-2")
    world.at = [(1.0, lambda: world.say("pi-1-2", "ok", 3.0, **other))]
    assert outcomes(roll(world))["pi-1-2"] == "unreachable"


def test_what_strangers_say_is_nothing() -> None:
    world = FakeWorld({1: 3})
    world.at = [(0.1, lambda: world.say("pi-9-9", "failed", 0.1, "ill"))]
    assert set(outcomes(roll(world))) == {"pi-1-1", "pi-1-2", "pi-1-3"}


def test_a_boot_server_that_is_away_ends_it() -> None:
    world = FakeWorld({1: 3, 2: 3, 3: 3})
    world.broken.add(2)
    report = roll(world)
    assert report.banks[2]["unreachable"] == 3
    assert report.banks[3]["untouched"] == 3
    assert report.stopped == "bank 2: the boot server is away"
    assert not [name for name in world.assigned if name.startswith("pi-3-")]


def test_a_cancel_in_mid_batch_says_who_was_told() -> None:
    world = FakeWorld({1: 4, 2: 3})
    engine = engine_of(world)
    world.slow_s["pi-1-3"] = 50.0
    world.at = [(8.0, engine.cancel)]
    report = engine.run()
    assert outcomes(report) == {
        "pi-1-1": "ok",
        "pi-1-2": "ok",
        "pi-1-3": "open",
        "pi-1-4": "ok",
        **dict.fromkeys(("pi-2-1", "pi-2-2", "pi-2-3"), "untouched"),
    }
    assert report.status == 130
    assert not [name for name in world.assigned if name.startswith("pi-2-")]


def test_a_workload_is_taken_off_in_the_same_way() -> None:
    world = FakeWorld({1: 3})
    world.version = ""
    report = roll(world)
    assert set(outcomes(report).values()) == {"ok"}


def test_nothing_to_do_takes_no_time_and_touches_nobody() -> None:
    world = FakeWorld({1: 3, 2: 3})
    report = roll(world, unchanged=[board.name for board in world.fleet.boards])
    assert (world.seconds, world.assigned, world.poked, report.status) == (0.0, [], [], 0)
    assert report.plain()["counts"] == {
        "ok": 0, "unchanged": 6, "failed": 0, "unreachable": 0, "absent": 0, "open": 0,
        "untouched": 0,
    }  # fmt: skip
    assert world.order == ORDER

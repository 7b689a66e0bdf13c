"""What has to be switched, in which order, and what else follows."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from power_cluster import MakePowered, Powered, outlet, steps

from picluster.errors import PiclusterError
from picluster.power.graph import needs_of
from picluster.power.model import (
    Action,
    Kind,
    Limits,
    Load,
    Outlet,
    OutletState,
    PowerModel,
    Rule,
    Supply,
)
from picluster.power.planning import outlets_to_read, plan_power, power_plan_of_outlets
from picluster.power.targets import Selection

ALL_ON = "pdu-3:1 pdu-3:2 pdu-3:3 pdu-3:4"


def why(cluster: Powered, *arguments: str, **states: str) -> dict[str, tuple[str, ...]]:
    plan = cluster.plan(*arguments, **states)  # type: ignore[arg-type]
    return {str(step.outlet): step.why for step in plan.steps}


def refusal_of(cluster: Powered, *arguments: str, **options: object) -> list[str]:
    with pytest.raises(PiclusterError) as caught:
        cluster.plan(*arguments, **options)  # type: ignore[arg-type]
    return [str(problem) for problem in caught.value.problems]


def test_a_bank_goes_on_alone_where_all_it_needs_is_on(powered: MakePowered) -> None:
    assert steps(powered().plan("on", "bank_1", on=ALL_ON, off="*")) == ["1 on pdu-1:1"]


def test_what_it_needs_goes_on_first(powered: MakePowered) -> None:
    cluster = powered()
    assert steps(cluster.plan("on", "bank_1", on="pdu-3:4", off="*")) == [
        "1 on pdu-3:3",
        "2 on pdu-3:1 after 1 +20s",
        "3 on pdu-1:1 after 2 +60s",
    ]
    assert why(cluster, "on", "bank_1", on="pdu-3:4", off="*") == {
        "pdu-3:3": ("sw-1 needs it first: it links them",),
        "pdu-3:1": ("bank_1 needs it first: sw-1 carries the network of bank 1",),
        "pdu-1:1": ("asked for",),
    }


def test_only_what_is_off_of_it_is_waited_for(powered: MakePowered) -> None:
    plan = powered().plan("on", "bank_1", on="pdu-3:4 pdu-3:3", off="*")
    assert steps(plan) == ["1 on pdu-3:1", "2 on pdu-1:1 after 1 +60s"]


def test_the_server_goes_on_before_its_banks(powered: MakePowered) -> None:
    plan = powered().plan("on", "bank_1", on="pdu-3:1 pdu-3:3", off="*")
    assert steps(plan) == ["1 on pdu-3:4", "2 on pdu-1:1 after 1 +180s"]


def test_what_is_on_already_is_left_alone(powered: MakePowered) -> None:
    plan = powered().plan("on", "bank_1", on="*")
    assert (plan.steps, [str(o) for o in plan.idle]) == ((), ["pdu-1:1"])


def test_an_unknown_outlet_is_switched_in_any_case(powered: MakePowered) -> None:
    plan = powered().plan("on", "bank_1", on="pdu-3:1 pdu-3:3 pdu-3:4")
    assert steps(plan) == ["1 on pdu-1:1"]


def test_a_bank_of_two_halves_takes_both(powered: MakePowered) -> None:
    cluster = powered()
    assert steps(cluster.plan("on", "bank_3", on=ALL_ON, off="*")) == [
        "1 on pdu-2:1",
        "2 on pdu-2:2",
    ]
    assert steps(cluster.plan("off", "pi-3-4", on="*")) == ["1 off pdu-2:2"]


def test_off_goes_the_other_way_round(powered: MakePowered) -> None:
    plan = powered().plan("off", "sw-core", on="*")
    assert steps(plan) == [
        "1 off pdu-2:3",
        "2 off pdu-2:2",
        "3 off pdu-2:1",
        "4 off pdu-1:2",
        "5 off pdu-1:1",
        "6 off pdu-3:2 after 1,2,3,4",
        "7 off pdu-3:1 after 5",
        "8 off pdu-3:3 after 6,7",
    ]
    assert plan.steps[0].why == (
        "sw-2 goes off: sw-2 carries the network of bank 4",
        "sw-2 goes off: sw-2 carries the network of bank 5",
    )
    assert len(plan.collateral) == 15 + 2  # boards, and the two switches


def test_what_is_off_already_stays_out_of_it(powered: MakePowered) -> None:
    plan = powered().plan("off", "sw-1", off="pdu-1:1", on="*")
    assert (steps(plan), plan.collateral) == (["1 off pdu-3:1"], ())


def test_cycling_one_board_says_what_it_cuts(powered: MakePowered) -> None:
    plan = powered().plan("cycle", "pi-2-3", on="*")
    assert steps(plan) == ["1 cycle pdu-1:2"]
    assert plan.steps[0].cuts == ("pi-2-1", "pi-2-2", "pi-2-3", "pi-2-4")
    assert plan.collateral == ("pi-2-1", "pi-2-2", "pi-2-4")
    assert plan.notes == (
        "cycling outlet pdu-1:2 also cuts 3 boards nobody named (pi-2-1 to pi-2-4)",
    )


def test_a_limit_that_cuts_a_bank_but_names_all_of_it_cuts_nothing_else(
    powered: MakePowered,
) -> None:
    plan = powered().plan("cycle", "pi-2-1,pi-2-2", "pi-2-3", "pi-2-4", on="*")
    assert (plan.collateral, plan.notes) == ((), ())


def test_banks_that_are_one_power_domain(powered: MakePowered) -> None:
    cluster = powered()
    plan = cluster.plan("off", "bank_4", on="*")
    assert plan.collateral == ("pi-5-1", "pi-5-2")
    assert plan.notes == (
        "switching off outlet pdu-2:3 also cuts 2 boards nobody named (pi-5-1 to pi-5-2)",
    )
    both = cluster.plan("off", "bank_4", "bank_5", on="*")
    assert (both.collateral, both.notes) == (
        (),
        ("bank_4 and bank_5 are one power domain at outlet pdu-2:3",),
    )


def test_cycling_a_switch_says_who_stays_on_without_it(powered: MakePowered) -> None:
    plan = powered().plan("cycle", "sw-2", off="pdu-2:3", on="*")
    assert steps(plan) == ["1 cycle pdu-3:2"]
    assert plan.notes == (
        "bank_2 (4 boards) stays on without sw-2: sw-2 carries the network of bank 2",
        "bank_3 (4 boards) stays on without sw-2: sw-2 carries the network of bank 3",
    )


def test_cycling_what_is_off_switches_it_on_with_what_it_needs(powered: MakePowered) -> None:
    plan = powered().plan("cycle", "bank_1", on="pdu-3:3 pdu-3:4", off="*")
    assert steps(plan) == ["1 on pdu-3:1", "2 on pdu-1:1 after 1 +60s"]
    assert plan.steps[1].why == (
        "asked for",
        "it is off: there is nothing to cycle, it goes on",
    )
    assert plan.steps[1].cuts == ()


def test_a_server_nobody_named_keeps_its_power(powered: MakePowered) -> None:
    cluster = powered(
        supplies=[{"name": "x", "pdu": "pdu-2", "outlet": 3, "feeds": ["bank_3", "small-head"]}],
        power_order=None,
    )
    assert refusal_of(cluster, "cycle", "bank_3", on="*") == [
        "outlet pdu-2:3 feeds server small-head, which would lose power; shut the server down and "
        "name it too, or give --cut-servers"
    ]
    plan = cluster.plan("cycle", "bank_3", on="*", cut_servers=True)
    assert plan.collateral == ("small-head",)
    assert plan.notes[0] == "small-head loses power as it runs: shut it down before"
    assert steps(cluster.plan("cycle", "bank_3", "small-head", on="*")) == ["1 cycle pdu-2:3"]
    assert steps(cluster.plan("cycle", "pdu-2:3", on="*")) == ["1 cycle pdu-2:3"]


def test_too_many_banks(powered: MakePowered) -> None:
    cluster = powered(power={"max_banks_on": 2})
    switches = "pdu-3:1 pdu-3:2 pdu-3:3 pdu-3:4"
    assert refusal_of(cluster, "on", "rack_1", on=f"{switches} pdu-2:1", off="*") == [
        "3 banks would be on (1, 2, 3), max_banks_on is 2; switch others off first, or name fewer"
    ]
    assert refusal_of(cluster, "on", "bank_1", on=switches, off="pdu-1:2") == [
        "4 banks would be on (1, 3, 4, 5, 3 outlets of unknown state counted as on), max_banks_on "
        "is 2; switch others off first, or name fewer"
    ]
    assert len(cluster.plan("on", "rack_1", on=switches, off="*").steps) == 2
    assert len(cluster.plan("off", "all", on="*").steps) == 5


def test_a_cycle_of_what_is_on_adds_nothing(powered: MakePowered) -> None:
    cluster = powered(power={"max_banks_on": 1})
    assert steps(cluster.plan("cycle", "bank_1", on="*")) == ["1 cycle pdu-1:1"]
    assert refusal_of(cluster, "cycle", "bank_1", off="pdu-1:1", on="*")


def test_too_many_amperes(powered: MakePowered) -> None:
    circuits = [
        {"name": "a", "amperes": 0.7, "outlets": ["pdu-1"]},
        {"name": "b", "amperes": 3, "volts": 100, "outlets": ["pdu-2:3", "pdu-3"]},
    ]
    cluster = powered(circuits=circuits)
    assert refusal_of(cluster, "on", "rack_1", on=ALL_ON, off="*") == [
        "circuit a would carry 0.8 A of 0.7 A (bank_1, bank_2); switch others off first, or name "
        "fewer"
    ]
    assert steps(cluster.plan("on", "bank_1", on=ALL_ON, off="*")) == ["1 on pdu-1:1"]
    assert [s.circuit for s in cluster.plan("on", "bank_4", on=ALL_ON, off="*").steps] == ["b"]


def test_a_switch_that_is_needed_counts_for_its_circuit(powered: MakePowered) -> None:
    cluster = powered(circuits=[{"name": "c", "amperes": 2, "outlets": ["pdu-3"]}])
    assert refusal_of(cluster, "on", "bank_2", on="pdu-3:3 pdu-3:4", off="*") == [
        "circuit c would carry 2.5 A of 2 A (small-head, sw-2, sw-core); switch others off first, "
        "or name fewer"
    ]


def test_what_hangs_on_a_dead_pdu_is_taken_for_on(powered: MakePowered) -> None:
    plan = powered().plan("on", "bank_1", off="pdu-1:1", dead=("pdu-3",))
    assert steps(plan) == ["1 on pdu-1:1"]
    assert plan.notes == (
        "sw-1 is taken for on: pdu-3 does not answer",
        "small-head is taken for on: pdu-3 does not answer",
    )


def test_what_was_asked_for_on_a_dead_pdu_is_tried(powered: MakePowered) -> None:
    assert steps(powered().plan("on", "sw-1", on="pdu-3:3", dead=("pdu-3",))) == ["1 on pdu-3:1"]


def test_banks_without_an_outlet_are_named(powered: MakePowered) -> None:
    cluster = powered(supplies=None, power_order=None)
    plan = cluster.plan("on", "all", off="*")
    assert steps(plan) == ["1 on pdu-1:1", "2 on pdu-1:2"]
    assert plan.notes == tuple(f"bank_{n} has no outlet: it is left as it is" for n in (3, 4, 5))


def test_what_is_read_is_what_the_plan_depends_on(powered: MakePowered) -> None:
    cluster = powered(circuits=[{"name": "a", "amperes": 9, "outlets": ["pdu-1"]}])
    bank = cluster.targets.select(["bank_1"])
    on = {str(o) for o in outlets_to_read(cluster.model, Action.ON, bank)}
    off = {str(o) for o in outlets_to_read(cluster.model, Action.OFF, bank)}
    core = cluster.targets.select(["sw-1"])
    assert on == {"pdu-1:1", "pdu-1:2", "pdu-3:1", "pdu-3:3", "pdu-3:4"}
    assert off == {"pdu-1:1"}
    assert {str(o) for o in outlets_to_read(cluster.model, Action.OFF, core)} == {
        "pdu-3:1",
        "pdu-1:1",
    }


def test_a_plan_for_outlets_as_such(powered: MakePowered) -> None:
    cluster = powered()
    plan = power_plan_of_outlets(
        cluster.model, Action.CYCLE, [outlet("pdu-2:3")], cluster.states(on="*")
    )
    assert (steps(plan), plan.collateral) == (["1 cycle pdu-2:3"], ())
    with pytest.raises(PiclusterError, match="nothing is described at outlet pdu-2:9"):
        power_plan_of_outlets(cluster.model, Action.ON, [outlet("pdu-2:9")], {})


# Any cluster: loads named by letters, each at its own outlet, rules from lower to higher letters.
_PAIRS = list(itertools.combinations(range(8), 2))


@st.composite
def _clusters(draw: st.DrawFn) -> tuple[PowerModel, dict[Outlet, OutletState], Selection]:
    count = draw(st.integers(1, 8))
    outlets = draw(st.permutations([Outlet("p", n + 1) for n in range(count)]))
    supplies = {
        place: Supply(f"s{i}", place, (Load(f"l{i}", Kind.SWITCH),), 1.0)
        for i, place in enumerate(outlets)
    }
    rules = tuple(
        Rule(f"l{a}", f"l{b}", "so it is", float(draw(st.integers(0, 3))))
        for a, b in draw(st.lists(st.sampled_from(_PAIRS), unique=True))
    )
    states = {place: draw(st.sampled_from(list(OutletState))) for place in outlets}
    chosen = draw(st.sets(st.sampled_from(outlets), min_size=1))
    names = frozenset(supplies[place].loads[0].name for place in chosen)
    model = PowerModel("any", supplies, rules=rules, limits=Limits())
    return model, states, Selection(tuple(sorted(names)), frozenset(chosen), loads=names)


@settings(deadline=None)
@given(_clusters(), st.sampled_from(list(Action)))
def test_any_plan_keeps_to_the_rules(
    case: tuple[PowerModel, dict[Outlet, OutletState], Selection], action: Action
) -> None:
    model, states, selection = case
    plan = plan_power(model, action, selection, states)
    place = {step.outlet: step for step in plan.steps}
    assert [step.number for step in plan.steps] == list(range(1, len(plan.steps) + 1))
    assert selection.outlets == set(plan.idle) | (set(place) & selection.outlets)
    # Played one after the other, no load is on without what it needs, as far as it is known.
    now = {o: states[o] is OutletState.ON for o in model.supplies}
    before = dict(now)
    needs = needs_of(model)
    for step in plan.steps:
        assert all(number < step.number for number in step.after)
        now[step.outlet] = step.action is not Action.OFF
        if step.action is Action.ON:
            assert all(now[need.outlet] for need in needs.get(step.outlet, ()))
        if step.action is Action.OFF:
            assert not any(
                now[then] and states[then] is not OutletState.OFF
                for then, firsts in needs.items()
                if any(need.outlet == step.outlet for need in firsts)
            )
    if action is Action.ON:
        assert all(now[o] for o in selection.outlets)
        assert all(now[o] or not before[o] for o in now)
    if action is Action.OFF:
        assert not any(now[o] for o in selection.outlets)

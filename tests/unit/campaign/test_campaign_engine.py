"""Whole campaigns in virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from campaigning import defaults, plagued, small_fleet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picluster.campaign.engine import Engine, World
from picluster.campaign.events import Event, Sign
from picluster.campaign.journal import SqliteJournal
from picluster.campaign.policy import Accept, CycleBank, FirstResult, Priced, UntilAllUp
from picluster.campaign.ports import PowerOrder, Verb
from picluster.campaign.report import BELOW, INTERRUPTED, QUORUM, Report
from picluster.campaign.runs import Phase
from picluster.campaign.scope import banks_of_limit, runs_of
from picluster.campaign.settings import Settings
from picluster.errors import PiclusterError
from picluster.registry.model import State
from twin.virtual.faults import Fault, Plagues
from twin.virtual.power import VirtualPower
from twin.virtual.run import Outcome, engine_of, ports_of, simulate, truth_of
from twin.virtual.settings import Hardware
from twin.virtual.world import VirtualInbox, VirtualWorld


def totals(report: Report) -> int:
    return sum(
        (report.booted, report.retried, report.failed, report.quarantined, report.unplugged,
         report.off, sum(row.state == "spare" for row in report.down))
    )  # fmt: skip


def run_at(world: VirtualWorld, moments: dict[float, Callable[[], None]]) -> Outcome:
    """Run a campaign in which things happen at moments."""
    for when, action in moments.items():
        world.simulation.at(when, action)
    engine = engine_of(world)
    return Outcome(engine.run(), world, engine)


def row(report: Report, name: str) -> tuple[str, str, str]:
    (found,) = [one for one in report.down if one.name == name]
    return found.state, found.stage, found.key


# ---- the normal case


def test_a_sound_cluster_is_ready_at_the_first_attempt() -> None:
    found = simulate(small_fleet(4, 10), plagued()).report
    assert (found.status, found.ready, found.booted, found.down) == (QUORUM, 40, 40, ())
    assert found.stages == {"ready": 40}
    assert {bank.phase for bank in found.banks} == {"accepted"}
    assert found.alarms == ()


def test_banks_overlap_as_far_as_the_link_serves_them() -> None:
    fleet = small_fleet(6, 20)
    slow = simulate(fleet, plagued(), settings=Settings(link_mbit=100)).report
    fast = simulate(fleet, plagued(), settings=Settings(link_mbit=10_000)).report
    assert slow.minutes > 3 * fast.minutes


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.OVERHEATS, Fault.OFF_PLAN}))
def test_a_fault_by_name_is_named(fault: Fault) -> None:
    """One board of eight, at every boot: its bank is accepted and it is told."""
    outcome = simulate(small_fleet(1, 42), plagued(boards={"pi-1-7": fault}, seed=3))
    truth = truth_of(outcome)
    assert truth.wrong == ()
    assert outcome.report.status == QUORUM
    assert outcome.report.banks[0].attempts == 1
    if fault.harmless:
        assert truth.healthy == 42
    elif fault is not Fault.CRASH:  # it was ready when its bank was accepted
        assert (truth.healthy, truth.faulty) == (41, 1)


def test_a_board_off_its_plan_is_an_alarm() -> None:
    outcome = simulate(small_fleet(1, 8), plagued(boards={"pi-1-7": Fault.OFF_PLAN}))
    assert row(outcome.report, "pi-1-7") == ("failed", "tftp", "strayed")
    assert outcome.report.alarms == (
        "off-plan address in use: 172.20.1.250 uses the boot services and is on no plan",
        "off-plan address in use: pi-1-7 (b8:27:eb:00:01:07) asks from 172.20.1.250, "
        "which is on no plan",
    )


def test_an_unplugged_bank_is_named_after_one_more_try() -> None:
    fleet = small_fleet(3, 8)
    outcome = simulate(fleet, replace(plagued(), banks=frozenset({2})))
    assert [bank.phase for bank in outcome.report.banks] == ["accepted", "unplugged", "accepted"]
    assert outcome.report.banks[1].attempts == 2
    assert outcome.report.unplugged == 8
    assert {one.key for one in outcome.report.down} == {"bank-silent"}
    assert outcome.report.status == BELOW


@pytest.mark.parametrize("seed", range(4))
def test_default_faults_every_board_is_named_and_rightly(seed: int) -> None:
    outcome = simulate(small_fleet(8, 42), defaults(seed))
    report, truth = outcome.report, truth_of(outcome)
    assert totals(report) == report.boards == 8 * 42
    assert truth.wrong == ()
    assert truth.known == truth.healthy
    assert all(one.key and one.cause and one.remedy and one.evidence for one in report.down)


# ---- policy in the engine


def test_a_bank_below_the_quorum_is_cycled_once_and_paid_for() -> None:
    outcome = simulate(small_fleet(1, 42), plagued(seed=2, hiccup=1.0, hiccup_boards=8.0))
    first = outcome.engine.decided[0]
    assert isinstance(first.decision, CycleBank)
    assert first.decision.price is not None
    assert outcome.report.banks[0].attempts > 1


SEEDS = st.integers(0, 10_000)


@given(SEEDS, st.sampled_from([0.0, 0.3, 0.6]))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_ready_board_loses_power_without_a_price(seed: int, hiccup: float) -> None:
    outcome = simulate(small_fleet(4, 12), defaults(seed, hiccup=hiccup))
    decided = [one for one in outcome.engine.decided if isinstance(one.decision, CycleBank)]
    cuts = outcome.world.power.cuts
    assert len({what for _, what, _ in cuts}) <= len(decided)
    for when, what, ready in cuts:
        paid = [
            one.decision.price
            for one in decided
            if f"bank {one.view.bank}" == what and one.at <= when
        ][-1]
        assert paid is not None
        assert paid.pays
        # boards on their way may have become ready while the PDU did its work
        assert paid.at_risk >= len(ready) - 2
    assert totals(outcome.report) == outcome.report.boards


@given(SEEDS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_ends_whatever_happens_and_every_bank_ends_named(seed: int) -> None:
    wild = {"single": 0.1, "hiccup": 0.5, "blackout": 0.2, "unplugged": 0.2, "crash": 0.1,
            "pdu_hang": 0.2, "pdu_garbage": 0.2, "switch_reboot": 0.3, "weak": 0.1, "dead": 0.05,
            "off_plan": 0.05, "hot_spot": 0.3}  # fmt: skip
    outcome = simulate(small_fleet(3, 9), defaults(seed, **wild))
    runs = outcome.engine.state.runs.values()
    assert all(run.phase.over for run in runs)
    assert max(run.attempt for run in runs) <= 5
    assert totals(outcome.report) == 27


def test_boards_with_outlets_of_their_own_are_cycled_alone() -> None:
    hardware = Hardware(alone=frozenset({1}))
    outcome = simulate(small_fleet(1, 42), plagued(seed=4, single=0.15), hardware=hardware)
    cuts = outcome.world.power.cuts
    assert cuts
    assert all(what.startswith("pi-1-") and ready == () for _, what, ready in cuts)
    assert outcome.report.retried > 0
    assert outcome.report.banks[0].attempts == 1


def test_a_flaky_board_is_quarantined_over_campaigns_and_then_left_out(tmp_path: Path) -> None:
    fleet, plagues = small_fleet(1, 42), plagued(boards={"pi-1-5": Fault.START_ELF})
    states = []
    for _ in range(4):
        world = VirtualWorld(fleet, plagues)
        with SqliteJournal(tmp_path / "j", "twin", world.clock, durable=False) as journal:
            report = engine_of(world, ports=ports_of(world, journal)).run()
        states.append(row(report, "pi-1-5")[0])
    assert states == ["failed", "failed", "quarantined", "quarantined"]
    assert (report.expected, report.ready, report.down[0].failures) == (41, 41, 3)
    counted = []
    for _ in range(2):  # it was repaired
        world = VirtualWorld(fleet, plagued())
        with SqliteJournal(tmp_path / "j", "twin", world.clock, durable=False) as journal:
            report = engine_of(world, ports=ports_of(world, journal)).run()
        counted.append((report.expected, report.ready))
    assert counted == [(41, 42), (42, 42)], "it comes up, and is back"


def test_spares_are_named_and_do_not_count() -> None:
    fleet = small_fleet(1, 8)
    boards = (*fleet.boards[:-1], replace(fleet.boards[-1], state=State.SPARE))
    outcome = simulate(replace(fleet, boards=boards), plagued(boards={"pi-1-8": Fault.DEAD}))
    assert outcome.report.expected == 7
    assert outcome.report.spares == ("pi-1-8 (rack 1, bank 1, row 2, slot 8)",)
    assert row(outcome.report, "pi-1-8")[0] == "spare"
    assert outcome.report.status == QUORUM


def test_the_baselines_run_too() -> None:
    fleet, plagues = small_fleet(3, 42), defaults(5, unplugged=0)
    first = simulate(fleet, plagues, policy=FirstResult())
    cap = Settings(max_attempts=6)
    until = simulate(fleet, plagues, policy=UntilAllUp(), settings=cap)
    assert {run.attempt for run in first.engine.state.runs.values()} == {1}
    assert first.report.ready < until.report.ready
    assert first.report.minutes < until.report.minutes
    assert all(isinstance(one.decision, Accept) for one in first.engine.decided)


# ---- power


def test_a_dead_pdu_fails_its_banks_alone() -> None:
    world = VirtualWorld(small_fleet(4, 6), plagued(), pdus={1: "a", 2: "b", 3: "a", 4: "b"})
    world.power.break_pdu("a", 1e9)
    outcome = run_at(world, {})
    phases = {bank.bank: bank.phase for bank in outcome.report.banks}
    assert phases == {1: "no power", 2: "accepted", 3: "no power", 4: "accepted"}
    assert row(outcome.report, "pi-1-1") == ("off", "off", "no-power")
    assert outcome.report.down[0].cause == (
        "its outlet could not be switched on (a does not answer)"
    )
    assert outcome.report.status == BELOW


def test_a_pdu_that_hangs_for_a_while_is_tried_again() -> None:
    world = VirtualWorld(small_fleet(1, 6), plagued())
    world.power.break_pdu("pdu", 30)
    assert run_at(world, {}).report.ready == 6


def test_a_bank_that_cannot_be_switched_off_keeps_its_boards() -> None:
    world = VirtualWorld(small_fleet(1, 42), plagued(seed=2, hiccup=1.0, hiccup_boards=8.0))
    outcome = run_at(world, {40.0: lambda: world.power.break_pdu("pdu", 1e9)})
    assert world.power.cuts == []
    assert outcome.report.banks[0].phase == "short"
    assert outcome.report.ready == len(outcome.ready) > 30


def test_a_bank_that_has_power_is_listened_to_and_not_cut() -> None:
    world = VirtualWorld(small_fleet(2, 42), plagued(boards={"pi-1-3": Fault.DEAD}))
    world.switch(1, on=True)
    world.simulation.run_until(600)
    outcome = run_at(world, {})
    assert world.power.cuts == []
    assert outcome.report.ready == 83
    assert row(outcome.report, "pi-1-3") == ("failed", "powered", "no-discover")


def test_banks_that_share_an_outlet_are_one() -> None:
    world = VirtualWorld(small_fleet(3, 6), plagued())
    world.power = VirtualPower(world, {}, {1: (1, 3), 3: (1, 3)})
    runs = runs_of([1, 2, 3], world.fleet, world.power)
    assert [run.banks for run in runs] == [(1, 3), (2,)]
    assert run_at(world, {}).report.ready == 18
    with pytest.raises(PiclusterError, match="bank 1 shares its outlet with bank 3"):
        runs_of([1, 2], world.fleet, world.power)


@pytest.mark.parametrize("banks", [[], [9], [1, 9]])
def test_banks_that_are_not_there_are_refused(banks: list[int]) -> None:
    world = VirtualWorld(small_fleet(), plagued())
    with pytest.raises(PiclusterError, match=r"no bank is named|bank 9 has no board"):
        runs_of(banks, world.fleet, world.power)


def test_a_limit_that_cuts_a_bank_says_what_it_means() -> None:
    world = VirtualWorld(small_fleet(2, 8), plagued())
    names = [board.name for board in world.fleet.by_bank[1]]
    assert banks_of_limit(names, world.fleet, world.power) == [1]
    with pytest.raises(PiclusterError) as refused:
        banks_of_limit([*names, "pi-2-1"], world.fleet, world.power)
    assert str(refused.value) == (
        "the limit names 1 of 8 boards of bank 2, which has one outlet: 7 others would lose power "
        "with them; name the group bank_2"
    )
    with pytest.raises(PiclusterError, match="no node is called pi-9-9"):
        banks_of_limit(["pi-9-9"], world.fleet, world.power)
    world = VirtualWorld(small_fleet(2, 8), plagued(), Hardware(alone=frozenset({2})))
    with pytest.raises(PiclusterError, match="and whole banks are booted and shut down; name the"):
        banks_of_limit(["pi-2-1"], world.fleet, world.power)


def test_the_first_bank_gets_power_at_once() -> None:
    world = VirtualWorld(small_fleet(1, 4), plagued())
    report = engine_of(world).run()
    assert report.notices[0] == "   0.1 min  bank 1: has power (attempt 1)"


def test_no_more_banks_than_allowed_have_power() -> None:
    world = VirtualWorld(small_fleet(5, 6), plagued())
    most = [0]

    def count() -> None:
        most[0] = max(most[0], sum(world.has_power(bank) for bank in world.fleet.by_bank))

    for second in range(0, 600, 5):
        world.simulation.at(second, count)
    report = engine_of(world, settings=Settings(max_banks_on=2)).run()
    assert most[0] == 2
    assert [bank.phase for bank in report.banks] == ["accepted"] * 2 + ["held back"] * 3
    assert report.banks[4].why == "max_banks_on is 2, and so many have power"
    assert (report.status, report.off) == (BELOW, 18)


# ---- services


def test_nothing_is_switched_on_before_the_services_are_ready() -> None:
    world = VirtualWorld(small_fleet(), plagued())
    world.stop_service("tftp", 1e9)
    with pytest.raises(PiclusterError, match="tftp is not ready: it is down; nothing was switched"):
        engine_of(world).run()
    assert not any(world.has_power(bank) for bank in world.fleet.by_bank)


def test_services_that_come_late_are_waited_for() -> None:
    world = VirtualWorld(small_fleet(), plagued())
    world.stop_service("nfs", 30)
    assert run_at(world, {}).report.ready == 24


def test_a_service_that_dies_meanwhile_is_not_the_boards_fault() -> None:
    world = VirtualWorld(small_fleet(1, 8), plagued())
    outcome = run_at(world, {15.0: lambda: world.stop_service("dhcp", 70)})
    assert outcome.report.ready == 8
    assert outcome.report.retried == 8
    failures = [outcome.engine.state.history.record(f"pi-1-{n}").failures for n in range(1, 9)]
    assert failures == [0] * 8


def test_a_dhcp_server_that_restarts_costs_nothing() -> None:
    world = VirtualWorld(small_fleet(1, 8), plagued())
    outcome = run_at(world, {17.0: lambda: world.stop_service("dhcp", 6)})
    assert (outcome.report.booted, world.power.cuts) == (8, [])


def test_a_deaf_head_is_not_taken_for_crashed_boards() -> None:
    world = VirtualWorld(small_fleet(6, 42), plagued())
    outcome = run_at(world, {90.0: lambda: world.stop_service("messages", 200)})
    assert world.power.cuts == []
    assert outcome.report.ready == 252
    assert any("no node is heard at all" in notice for notice in outcome.report.notices)
    assert any("messages is not ready" in notice for notice in outcome.report.notices)


def test_a_head_that_stays_deaf_ends_the_campaign_and_cuts_nothing() -> None:
    world = VirtualWorld(small_fleet(4, 42), plagued())
    outcome = run_at(world, {30.0: lambda: world.stop_service("messages", 1e9)})
    assert world.power.cuts == []
    assert outcome.report.status == BELOW
    assert {bank.why for bank in outcome.report.banks} == {"services are not ready"}


def test_a_switch_that_reboots_stops_only_its_bank() -> None:
    world = VirtualWorld(small_fleet(2, 8), plagued())
    outcome = run_at(world, {12.0: lambda: world.reboot_switch(1)})
    assert outcome.report.ready == 16
    assert {run.bank: run.attempt for run in outcome.engine.state.runs.values()} == {1: 2, 2: 1}


# ---- boards after they were ready


def test_a_bank_that_loses_its_boards_is_booted_again() -> None:
    world = VirtualWorld(small_fleet(5, 42), plagued())

    def crash() -> None:
        for slot in range(1, 21):
            world.boards[f"pi-1-{slot}"]._stop(Fault.CRASH)

    world.simulation.at(80.0, crash)
    engine = engine_of(world, settings=Settings(link_mbit=100))
    report = engine.run()
    assert engine.state.runs[1].attempt == 2
    assert report.ready == 210


def test_a_board_that_reboots_by_itself_comes_back() -> None:
    world = VirtualWorld(small_fleet(1, 42), plagued(boards={"pi-1-9": Fault.TFTP_STALL}))
    world.simulation.at(60.0, lambda: world.boards["pi-1-9"].power_on(None))
    outcome = run_at(world, {})
    assert outcome.report.ready == 42
    assert world.power.cuts == []


# ---- heat


def test_a_hot_rack_holds_its_next_banks_back_until_it_cools() -> None:
    fleet = small_fleet(4, 8)
    hot = replace(plagued(), hot=frozenset({1}))
    knobs = Settings(link_mbit=5, max_temp_c=50, hard_temp_c=95, heat_wait_s=300)
    climate = replace(Hardware().climate, seconds=60.0)
    outcome = simulate(fleet, hot, settings=knobs, hardware=Hardware(climate=climate))
    phases = [bank.phase for bank in outcome.report.banks]
    assert "held back" in phases
    assert any("next banks of rack 1 are held back" in text for text in outcome.report.notices)
    assert all("too hot" in b.why for b in outcome.report.banks if b.phase == "held back")


def test_a_bank_above_the_hard_limit_is_shed() -> None:
    hot = replace(plagued(), hot=frozenset({1}))
    climate = replace(Hardware().climate, hot_spot=40.0, seconds=30.0)
    knobs = Settings(link_mbit=5, max_temp_c=70, hard_temp_c=83, heat_wait_s=120)
    outcome = simulate(small_fleet(3, 8), hot, settings=knobs, hardware=Hardware(climate=climate))
    shed = outcome.report.banks[0]
    assert shed.phase == "shed"
    assert shed.why.startswith("shed: ")
    assert not outcome.world.has_power(1)
    assert outcome.report.status == BELOW
    assert row(outcome.report, "pi-1-1") == ("off", "off", "shed")


# ---- the end


def test_a_cancelled_campaign_touches_no_power_and_resumes(tmp_path: Path) -> None:
    world = VirtualWorld(small_fleet(4, 8), plagued(), keep=True)
    path = tmp_path / "j"
    with SqliteJournal(path, "twin", world.clock, durable=False) as journal:
        engine = engine_of(world, ports=ports_of(world, journal), settings=Settings(link_mbit=20))
        world.simulation.at(60.0, engine.cancel)
        report = engine.run()
    assert report.status == INTERRUPTED
    assert 0 < report.ready < 32
    with SqliteJournal(path, "twin", world.clock, durable=False) as journal:
        report = engine_of(world, ports=ports_of(world, journal)).run()
    assert (report.status, report.ready, world.power.cuts) == (QUORUM, 32, [])


def test_an_unfinished_campaign_of_other_banks_is_refused_unless_begun_afresh(
    tmp_path: Path,
) -> None:
    world = VirtualWorld(small_fleet(3, 6), plagued(), keep=True)
    with SqliteJournal(tmp_path / "j", "twin", world.clock, durable=False) as journal:
        ports = ports_of(world, journal)
        journal.start([1, 2], {})
        with pytest.raises(PiclusterError, match="unfinished campaign of banks 1, 2"):
            Engine(world.fleet, [3], Settings(), Priced(), ports)
        engine = Engine(world.fleet, [3], Settings(), Priced(), ports, fresh=True)
        assert engine.run().ready == 6
        assert journal.unfinished() is None


def test_a_board_that_speaks_while_its_bank_has_no_power_is_an_alarm() -> None:
    hot = replace(plagued(), hot=frozenset({1}))
    climate = replace(Hardware().climate, hot_spot=40.0, seconds=30.0)
    knobs = Settings(link_mbit=5, max_temp_c=70, hard_temp_c=83, heat_wait_s=600)
    world = VirtualWorld(small_fleet(2, 8), hot, Hardware(climate=climate))
    ghost = Event(150.0, "pi-1-2", Sign.FILE, "bootcode.bin")
    world.simulation.at(150.0, lambda: world.sign(ghost))
    report = engine_of(world, settings=knobs).run()
    assert (
        "address in use while its board is off: 172.20.1.2 is in use while pi-1-2 has no power"
        in report.alarms
    )


def test_a_report_is_plain_data() -> None:
    report = simulate(small_fleet(2, 8), defaults(1)).report
    again = json.loads(json.dumps(report.plain()))
    assert again["boards"] == 16
    assert set(again) >= {"ready", "booted", "retried", "quarantined", "unplugged", "stages",
                          "minutes", "megabytes", "banks", "down", "alarms", "status"}  # fmt: skip


def test_orders_and_worlds_speak_for_themselves() -> None:
    assert str(PowerOrder(1, Verb.ON, (1, 2))) == "on bank 1, bank 2"
    assert str(PowerOrder(1, Verb.CYCLE, board="pi-1-1")) == "cycle pi-1-1"
    world = VirtualWorld(small_fleet(), Plagues())
    assert isinstance(ports_of(world, engine_of(world)._world.journal), World)
    assert VirtualInbox(world).take(5.0).arrivals == []
    assert Phase.RESTING.powered is False

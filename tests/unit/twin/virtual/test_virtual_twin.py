"""The simulated cluster behaves like the one it stands for."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict
from statistics import mean

import pytest

from picluster.campaign.events import Event, Sign
from twin.virtual.faults import NO_FAULTS, Fault, Plagues
from twin.virtual.heat import Climate, Heat
from twin.virtual.lines import by_lines
from twin.virtual.link import Link
from twin.virtual.run import Outcome, fleet_like, simulate
from twin.virtual.simulation import Simulation
from twin.virtual.world import VirtualWorld


def first_yield(seed: int, bank: int) -> int:
    """Boards of a bank that come up at its first boot."""
    plagues = Plagues(seed)
    boards = [f"pi-{bank}-{slot}" for slot in range(1, 43)]
    faults = plagues.of_boot(bank, boards, 1)
    return 42 - sum(not fault.harmless for fault in faults.values())


def test_a_bank_is_mostly_whole_sometimes_37_seldom_fewer() -> None:
    counts = Counter(first_yield(seed, bank) for seed in range(40) for bank in range(11, 36))
    total = counts.total()
    whole = counts[42] / total
    some = sum(count for ready, count in counts.items() if 34 <= ready <= 39) / total
    fewer = sum(count for ready, count in counts.items() if ready < 34) / total
    assert whole > 0.5
    assert 0.15 < some < 0.30
    assert 0.03 < fewer < 0.12


def test_unplugged_banks_and_dead_boards_are_as_often_as_published() -> None:
    unplugged = [Plagues(seed).unplugged(bank) for seed in range(40) for bank in range(25)]
    assert 0.02 < mean(unplugged) < 0.06  # one of 25
    never = [Plagues(1).for_good(f"pi-1-{n}") in (Fault.DEAD, Fault.NEVER_POWERED)
             for n in range(20_000)]  # fmt: skip
    assert 0.0005 < mean(never) < 0.003


def test_the_same_seed_is_the_same_cluster() -> None:
    fleet = fleet_like(range(3), 14)
    one, two, other = (simulate(fleet, Plagues(seed)) for seed in (5, 5, 6))
    assert one.report == two.report
    assert one.ready == two.ready
    assert one.report != other.report


def test_faults_of_a_boot_do_not_depend_on_when_it_happens() -> None:
    boards = [f"pi-1-{slot}" for slot in range(1, 43)]
    plagues = Plagues(9)
    first = plagues.of_boot(1, boards, 2)
    plagues.of_boot(2, boards, 1)
    assert plagues.of_boot(1, boards, 2) == first


@pytest.mark.parametrize("seed", range(3))
def test_log_lines_and_parsed_signals_tell_the_same(seed: int) -> None:
    """The daemons' lines go through the campaign's reader; everything but the evidence is equal."""
    fleet = fleet_like(range(11, 15), 42)
    parsed, read = simulate(fleet, Plagues(seed)), simulate(fleet, Plagues(seed), hear=by_lines)
    assert parsed.ready == read.ready
    assert told(parsed) == told(read)


def told(outcome: Outcome) -> dict[str, object]:
    """The report without evidence; stamps of lines are cut to microseconds."""
    report = outcome.report.plain()
    down = [asdict(row) | {"evidence": ()} for row in outcome.report.down]
    banks = [asdict(row) | {"minutes": 0} for row in outcome.report.banks]
    return report | {"down": down, "banks": banks, "minutes": round(outcome.report.minutes, 3)}


def test_evidence_is_the_daemons_lines() -> None:
    plagues = Plagues(1, NO_FAULTS, {"pi-1-3": Fault.TFTP_STALL})
    report = simulate(fleet_like([1], 42), plagues, hear=by_lines).report
    (row,) = report.down
    assert len(row.evidence) == 6
    last = "in.tftpd: RRQ from 172.20.1.3 filename config.txt"
    assert re.fullmatch(rf"\d\d:\d\d:\d\d {re.escape(last)}", row.evidence[-1])


def test_a_healthy_board_says_what_a_3b_plus_says() -> None:
    fleet = fleet_like([1], 1)
    world = VirtualWorld(fleet, Plagues(1, NO_FAULTS), keep=True)
    world.switch(1, on=True)
    world.simulation.run_until(200)
    events = [sign for sign in world.signs(0) if isinstance(sign, Event)]
    order = [event.sign for event in events]
    assert order[:4] == [Sign.DISCOVER, Sign.OFFER, Sign.FILE, Sign.FILE]
    assert 18 <= events[0].at <= 20
    # two DISCOVERs before any file of start.elf, and the REQUEST of Linux alone
    linux = order.index(Sign.REQUEST)
    assert order[:linux].count(Sign.DISCOVER) == 3
    assert order[-3:].count(Sign.ALIVE) >= 2
    (ready,) = [event.at for event in events if event.sign is Sign.READY]
    assert 35 < ready < 60


# ---- the link


def transfers(megabytes: list[float], rate: float, most: float) -> list[float]:
    simulation = Simulation()
    link, ends = Link(simulation, rate, most), [0.0] * len(megabytes)

    def note(n: int) -> None:
        ends[n] = simulation.now

    for n, size in enumerate(megabytes):
        link.load(size, lambda n=n: note(n))  # type: ignore[misc]
    simulation.run_until(10_000)
    return ends


def test_a_link_is_shared_equally() -> None:
    assert transfers([10], 100, 5) == pytest.approx([2])
    assert transfers([10, 10], 10, 10) == pytest.approx([2, 2])
    # 5 MB each at 5 MB/s, then the other one alone
    assert transfers([5, 10], 10, 10) == pytest.approx([1, 1.5])
    assert transfers([50] * 40, 100, 5) == pytest.approx([20] * 40)


def test_a_transfer_that_begins_later_gets_its_share() -> None:
    simulation = Simulation()
    link, ends = Link(simulation, 10, 10), []
    link.load(15, lambda: ends.append(simulation.now))
    simulation.at(1, lambda: link.load(10, lambda: ends.append(simulation.now)))
    simulation.run_until(100)
    # one alone for a second; then 5 MB/s each: the first has 5 left
    assert ends == pytest.approx([2, 2.5])
    assert link.megabytes == 25


# ---- heat


def test_banks_warm_up_and_cool_down() -> None:
    simulation = Simulation()
    heat = Heat(simulation, {1: [1, 2, 3, 4]}, [4], Climate(seconds=100))
    assert heat.of(1) == 26
    heat.switch(1, on=True)
    simulation.run_until(1000)
    assert heat.of(1) == pytest.approx(26 + 24 + 0.5, abs=0.1)
    assert heat.of(2) == pytest.approx(26 + 2 + 0.5, abs=0.1)
    heat.switch(4, on=True)
    simulation.run_until(2000)
    assert heat.of(4) == pytest.approx(26 + 24 + 4 + 18 + 1, abs=0.1)
    heat.switch(1, on=False)
    simulation.run_until(2100)
    assert 26 < heat.of(1) < 50
    simulation.run_until(4000)
    assert heat.of(1) == pytest.approx(26.5, abs=0.1)

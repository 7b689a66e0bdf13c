"""Stages as a pure function of events."""

from __future__ import annotations

import copy

import pytest
from campaigning import BOOT, HEALTHY, OTHER_BOOT, boot_events, event, folded
from hypothesis import given, settings
from hypothesis import strategies as st

from picluster.campaign.events import Event, Sign
from picluster.campaign.progress import Progress, Trouble, advance
from picluster.campaign.settings import Timeouts
from picluster.campaign.stages import Stage
from picluster.campaign.tracker import Tracker, deadline

REACHED = {
    Sign.DISCOVER: Stage.DHCP,
    Sign.FILE: Stage.TFTP,
    Sign.REQUEST: Stage.KERNEL,
    Sign.MOUNT: Stage.NFS,
    Sign.KEYS: Stage.UP,
    Sign.READY: Stage.READY,
}


def test_a_healthy_boot_rises_stage_by_stage() -> None:
    assert {sign: folded(boot_events(sign)).stage for sign in REACHED} == REACHED


def test_a_ready_board_remembers_when_and_which_boot() -> None:
    progress = folded(boot_events(on_at=100.0))
    assert progress.ready
    assert (progress.since, progress.on_at, progress.boot) == (150.0, 100.0, BOOT)


def test_rom_and_bootcode_ask_twice_and_only_linux_requests() -> None:
    progress = folded(boot_events(Sign.FILE))
    asked = folded([event(18.6, Sign.DISCOVER), event(18.6, Sign.OFFER)], progress)
    assert (asked.stage, asked.discovers, asked.offers) == (Stage.TFTP, 2, 2)
    linux = advance(asked, event(33.0, Sign.REQUEST))
    assert (linux.stage, linux.discovers, linux.offers) == (Stage.KERNEL, 0, 0)


@pytest.mark.parametrize(
    ("step", "stage"),
    [("dhcp", Stage.KERNEL), ("nfs", Stage.KERNEL), ("overlay", Stage.NFS), ("", Stage.NFS)],
)
def test_an_initramfs_that_waits_for_nfs_has_not_mounted_it(step: str, stage: Stage) -> None:
    asked = folded(boot_events(Sign.REQUEST))
    assert advance(asked, event(50.0, Sign.WARNING, step)).stage is stage


def test_a_renewed_lease_changes_nothing() -> None:
    ready = folded(boot_events())
    renewed = folded([event(3600.0, Sign.REQUEST), event(3600.0, Sign.ACK)], ready)
    assert (renewed.stage, renewed.since, renewed.ready) == (Stage.READY, ready.since, True)


def test_a_lost_lease_is_no_restart_of_a_ready_board() -> None:
    ready = folded(boot_events())
    asking = folded([event(900.0 + n, Sign.DISCOVER) for n in range(4)], ready)
    assert asking.ready


def test_a_file_request_of_a_ready_board_is_a_crash() -> None:
    crashed = folded([*boot_events(), event(400.0, Sign.FILE, "bootcode.bin")])
    assert (crashed.stage, crashed.fell_from, crashed.restarts) == (Stage.TFTP, Stage.READY, 1)
    assert crashed.files == ("bootcode.bin",)


def test_it_may_come_back_by_itself() -> None:
    again = folded(
        [
            *boot_events(),
            event(400.0, Sign.FILE, "bootcode.bin"),
            event(440.0, Sign.READY, boot=OTHER_BOOT),
        ]
    )
    assert again.ready
    assert again.boot == OTHER_BOOT


def test_a_new_boot_id_is_a_new_boot() -> None:
    progress = folded([*boot_events(Sign.ROOT), event(90.0, Sign.KERNEL, boot=OTHER_BOOT)])
    assert (progress.stage, progress.restarts) == (Stage.KERNEL, 1)


def test_a_late_message_of_an_earlier_boot_is_nothing() -> None:
    later = folded([*boot_events(), event(300.0, Sign.READY, boot=OTHER_BOOT)])
    assert advance(later, event(250.0, Sign.KERNEL, boot=BOOT)) is later


def test_a_lost_ready_message_is_made_good_by_the_heartbeat() -> None:
    assert folded([*boot_events(Sign.KEYS), event(110.0, Sign.ALIVE)]).ready


def test_lines_from_before_the_power_was_cut_are_nothing() -> None:
    cycled = folded([*boot_events(), event(500.0, Sign.POWER_OFF), event(510.0, Sign.POWER_ON)])
    late = folded([event(499.0, Sign.ALIVE), event(480.0, Sign.FILE, "kernel8.img")], cycled)
    assert late == cycled
    assert cycled.stage is Stage.POWERED


def test_a_sign_may_overtake_the_word_of_the_pdu() -> None:
    early = folded([event(20.0, Sign.DISCOVER), event(2.0, Sign.POWER_ON)])
    assert (early.stage, early.on_at, early.discovers) == (Stage.DHCP, 2.0, 1)


def test_the_nodes_own_word_says_where_it_failed() -> None:
    told = Event(60.0, "pi-1-1", Sign.FAILED, "nfs", BOOT, reason="no answer")
    failed = folded([*boot_events(Sign.KERNEL), told])
    assert (failed.stage, failed.failed, failed.step) == (Stage.KERNEL, True, "nfs")
    assert Trouble.OWN_WORD in failed.troubles


def test_a_board_given_up_too_early_is_believed_later() -> None:
    given_up = folded([*boot_events(Sign.FILE), event(120.0, Sign.GIVEN_UP)])
    assert given_up.failed
    assert folded([event(130.0, Sign.REQUEST)], given_up).failed is False
    assert folded([event(130.0, Sign.READY)], given_up).ready


@pytest.mark.parametrize(
    "name", ["bootsig.bin", "recovery.elf", "autoboot.txt", "dt-blob.bin", "bootcfg.txt",
             "armstub8.bin", "recovery8.img", "0a1b2c3d/start.elf"]
)  # fmt: skip
def test_a_healthy_boot_misses_some_files(name: str) -> None:
    progress = folded([*boot_events(Sign.FILE), event(19.0, Sign.MISSING, name)])
    assert progress.troubles == frozenset()


@pytest.mark.parametrize("name", ["bootcode.bin", "kernel8.img", "initramfs8", "config.txt"])
def test_it_cannot_do_without_others(name: str) -> None:
    progress = folded([*boot_events(Sign.FILE), event(19.0, Sign.MISSING, name)])
    assert progress.troubles == {Trouble.MISSING}


def test_an_intruder_does_not_make_a_ready_board_restart() -> None:
    """The other one's first request bears no serial; the next one gives it away."""
    mistaken = folded([*boot_events(), event(300.0, Sign.FILE, "bootcode.bin")])
    told = advance(mistaken, event(300.1, Sign.INTRUDED, "pi-1-2"))
    assert not mistaken.ready
    assert told.ready
    assert told.troubles == {Trouble.INTRUDED}


# ---- properties

SIGNS = st.sampled_from(sorted(Sign))
EVENTS = st.builds(
    Event,
    st.floats(0, 1000),
    st.just("pi-1-1"),
    SIGNS,
    st.sampled_from(["", "bootcode.bin", "kernel8.img", "nfs", "pi-1-2"]),
    st.sampled_from(["", BOOT, OTHER_BOOT]),
)


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=30))
def test_any_events_give_a_progress_and_leave_the_old_one_alone(events: list[Event]) -> None:
    progress = Progress()
    for one in events:
        before = copy.deepcopy(progress)
        after = advance(progress, one)
        assert progress == before
        assert after.stage in Stage
        assert not after.ready or after.stage is Stage.READY
        progress = after


@settings(deadline=None)
@given(st.lists(st.integers(0, len(HEALTHY) - 1), max_size=20), st.randoms())
def test_lines_twice_and_out_of_order_end_at_the_same_stage(doubles: list[int], chance) -> None:
    events = boot_events()[1:]
    events += [events[n] for n in doubles]
    # daemons of one moment write in any order, and within a second
    events.sort(key=lambda one: one.at + 0.4 * chance.random())
    progress = folded([event(0.0, Sign.POWER_ON), *events])
    assert progress.ready
    assert progress.restarts == 0


# ---- time


@pytest.mark.parametrize(
    ("upto", "expected"),
    [
        (Sign.POWER_ON, 60.0),
        (Sign.DISCOVER, 43.0),
        (Sign.FILE, 108.4),
        (Sign.REQUEST, 123.1),
        (Sign.MOUNT, 184.0),
        (Sign.KEYS, 108.0),
        (Sign.READY, 250.0),
    ],
)
def test_each_stage_has_its_time(upto: Sign, expected: float) -> None:
    events = boot_events(upto) if upto is not Sign.POWER_ON else [event(0.0, Sign.POWER_ON)]
    assert deadline(folded(events), Timeouts()) == pytest.approx(expected)


def test_asking_for_start_elf_again_is_not_getting_on() -> None:
    progress = folded(boot_events(Sign.FILE))
    for n in range(40):
        progress = advance(progress, event(19.0 + 4 * n, Sign.FILE, "start_cd.elf"))
    assert deadline(progress, Timeouts()) == pytest.approx(19.0 + 90)
    assert progress.firmware == 40


def test_starting_over_gives_no_more_time() -> None:
    progress = folded([event(0.0, Sign.POWER_ON)])
    for n in range(12):
        boot = f"{n:016x}"
        progress = folded(
            [
                event(20.0 + 40 * n, Sign.FILE, "bootcode.bin"),
                event(40.0 + 40 * n, Sign.KERNEL, boot=boot),
            ],
            progress,
        )
    assert progress.restarts == 11
    assert deadline(progress, Timeouts()) == 480.0


def test_a_crashed_board_has_its_own_time() -> None:
    crashed = folded([*boot_events(), event(5000.0, Sign.FILE, "bootcode.bin")])
    assert deadline(crashed, Timeouts()) == 5090.0


def test_nothing_is_awaited_of_a_failed_or_dark_board() -> None:
    failed = folded([*boot_events(Sign.FILE), event(200.0, Sign.GIVEN_UP)])
    assert deadline(failed, Timeouts()) is None
    assert deadline(Progress(), Timeouts()) is None


def test_evidence_is_of_the_present_boot_and_bounded() -> None:
    tracker = Tracker(["pi-1-1"])
    for n in range(20):
        tracker.apply(Event(1.0 + n, "pi-1-1", Sign.FILE, f"f{n}", line=f"line {n}"))
    assert tracker.evidence("pi-1-1") == tuple(f"line {n}" for n in range(14, 20))
    tracker.apply(event(100.0, Sign.POWER_ON))
    assert tracker.evidence("pi-1-1") == ()

"""What happened to a board, and whether a report says so."""

from __future__ import annotations

import pytest

from twin.cluster.truth import BoardTruth, Truth, judge
from twin.virtual.faults import TRUTH, Fault

NOW = 1_000_000.0


def truth(*names: str) -> Truth:
    return Truth(BoardTruth(name, 1, f"172.20.1.{n}") for n, name in enumerate(names, 1))


def booted(fault: str, *steps: str, at: float = NOW) -> BoardTruth:
    """A board that got power with a fault and went through steps."""
    all_of_them = truth("pi-1-1", "pi-1-2")
    all_of_them.switched_on("pi-1-1", fault)
    for step in ("on", *steps):
        all_of_them.heard("pi-1-1", step, at)
    return all_of_them.boards()["pi-1-1"]


UP = ("loads tftp", "loads start", "loads kernel", "kernel", "nfs", "up", "ready")
#: Steps by which a board with a fault ends, as its bank tells them.
COURSES: dict[Fault, tuple[str, ...]] = {
    Fault.NEVER_POWERED: (),
    Fault.DEAD: (),
    Fault.LINK_LATE: ("stopped: no offer after 4 tries of the ROM",),
    Fault.SILENT: ("stopped: no offer after 4 tries of the ROM",),
    Fault.TAKES_OFFER: (*UP[:1], "uses 172.20.1.2", "stopped: start.elf: no answer"),
    Fault.OFF_PLAN: (*UP[:1], "uses 172.20.9.9", "stopped: start.elf: not found"),
    Fault.START_ELF: (*UP[:1], "stopped: start_cd.elf: 12 times again"),
    Fault.TFTP_STALL: (*UP[:1], "stopped: fixup_cd.dat: it stalls"),
    Fault.PANIC: (*UP[:3], "panics"),
    Fault.NFS_SILENT: (*UP[:4], "hangs"),
    Fault.HANGS: (*UP[:5], "hangs"),
    Fault.NO_READY: (*UP[:6], "hangs"),
    Fault.CRASH: (*UP, "crashes"),
    Fault.OVERHEATS: (*UP, "overheats"),
}


@pytest.mark.parametrize("fault", [fault for fault in Fault if not fault.harmless])
def test_every_fault_ends_a_board_and_has_a_right_name(fault: Fault) -> None:
    board = booted(fault.value, *COURSES[fault])
    assert (board.ended, board.ready, board.healthy) == (fault.value, False, False)
    stage, key = next(iter(TRUTH[fault]))
    later = NOW + 1000
    right = judge([board], {"pi-1-1": (stage, key)}, heartbeat_s=200, now=later)
    assert (right.faulty, right.named, right.wrong) == (1, 1, ())
    wrong = judge([board], {"pi-1-1": (stage, "unknown")}, heartbeat_s=200, now=later)
    assert wrong.named == 0
    assert not wrong.right
    assert not judge([board], {}, heartbeat_s=200, now=later).right


def test_a_healthy_board_has_to_be_ready_and_reported_so() -> None:
    ready = booted("", *UP)
    assert judge([ready], {}, heartbeat_s=200).right
    assert not judge([ready], {"pi-1-1": ("up", "no-ready")}, heartbeat_s=200).right
    late = booted(Fault.DISCOVER_LOST.value, *UP[:4])
    assert late.healthy
    assert judge([late], {}, heartbeat_s=200).wrong == (
        "pi-1-1 is healthy and kernel, but reported ready",
    )


def test_a_crash_that_nobody_could_know_of_yet_is_not_held_against_a_report() -> None:
    board = booted(Fault.CRASH.value, *UP, "crashes", at=NOW)
    just_now = judge([board], {}, heartbeat_s=200, now=NOW + 100)
    assert (just_now.unseen, just_now.faulty, just_now.right) == (1, 0, True)
    assert not judge([board], {}, heartbeat_s=200, now=NOW + 300).right
    to_come = booted(Fault.CRASH.value, *UP)
    assert judge([to_come], {}, heartbeat_s=200).right


def test_a_board_whose_address_another_one_used_may_fail_by_that() -> None:
    boards = truth("pi-1-1", "pi-1-2")
    for name, fault in (("pi-1-1", Fault.TAKES_OFFER.value), ("pi-1-2", "")):
        boards.switched_on(name, fault)
    boards.heard("pi-1-1", "uses 172.20.1.2", NOW)
    victim = boards.boards()["pi-1-2"]
    assert victim.stolen_by == "pi-1-1"
    down = {"pi-1-2": ("tftp", "address-taken")}
    assert judge([victim], down, heartbeat_s=200).right
    boards.heard("pi-1-2", "ready", NOW)  # it got over it
    assert judge([boards.boards()["pi-1-2"]], {}, heartbeat_s=200).right


def test_without_power_and_plug_the_report_says_that() -> None:
    off = BoardTruth("pi-1-1", 1, "172.20.1.1")
    assert judge([off], {"pi-1-1": ("off", "no-power")}, heartbeat_s=200).right
    assert not judge([off], {"pi-1-1": ("powered", "no-discover")}, heartbeat_s=200).right
    pulled = BoardTruth("pi-1-1", 1, "172.20.1.1", power=True, plugged=False)
    assert judge([pulled], {"pi-1-1": ("powered", "bank-silent")}, heartbeat_s=200).right
    assert not judge([pulled], {"pi-1-1": ("powered", "no-discover")}, heartbeat_s=200).right


def test_a_board_that_ends_by_itself_is_nobodys_fault_but_the_twins() -> None:
    broken = booted("", *UP[:4], "breaks off")
    assert not judge([broken], {"pi-1-1": ("kernel", "no-nfs")}, heartbeat_s=200).right


def test_what_is_heard_after_the_power_went_changes_nothing() -> None:
    boards = truth("pi-1-1")
    boards.switched_on("pi-1-1", "")
    boards.switched_off("pi-1-1")
    boards.heard("pi-1-1", "ready", NOW)
    assert not boards.boards()["pi-1-1"].ready


def test_a_fault_under_way_is_named_like_one_that_has_ended() -> None:
    board = booted(Fault.START_ELF.value, *UP[:2])
    assert judge([board], {"pi-1-1": ("tftp", "start-elf-again")}, heartbeat_s=200).right
    assert not judge([board], {"pi-1-1": ("tftp", "bootcode-only")}, heartbeat_s=200).right


def test_a_restart_forgets_what_was_wrong() -> None:
    board = booted(Fault.HANGS.value, *UP[:5], "hangs", "restarts")
    assert (board.fault, board.ended, board.healthy) == ("", "", True)

"""The parts of a shutdown: who still answers, what is refused, what is told."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest

from picluster.campaign.journal.lock import Lock, refuse_running
from picluster.campaign.live import echo
from picluster.campaign.runs import BankRun
from picluster.campaign.shutdown import Halted, refuse_others, report_of, troubles
from picluster.errors import PiclusterError, Problem
from picluster.power.driver import StepResult
from picluster.power.model import Action, Outlet, PowerPlan, Step
from tests.unit.campaign.campaigning import small_fleet

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets take root")
#: Nothing is sent there: the kernel refuses addresses of the former class E.
NOWHERE = "240.0.0.1"


@ROOT
def test_only_who_answers_is_named_when_the_time_is_over() -> None:
    order = {"addresses": ["127.0.0.7", NOWHERE], "limit_s": 4}
    found = echo.main(json.dumps(order))
    assert found["answering"] == ["127.0.0.7"]
    assert 4 <= float(str(found["seconds"])) < 10


@ROOT
def test_silence_of_all_ends_the_wait() -> None:
    found = echo.main(json.dumps({"addresses": [NOWHERE], "limit_s": 60}))
    assert found["answering"] == []
    assert 3 <= float(str(found["seconds"])) < 10


@ROOT
def test_who_answers_is_told_though_there_is_no_time() -> None:
    found = echo.main(json.dumps({"addresses": ["127.0.0.7"], "limit_s": 0}))
    assert found["answering"] == ["127.0.0.7"]


def test_replies_to_others_are_not_ours() -> None:
    packet = b"\x45" + bytes(19) + struct.pack("!BBHHH", 0, 0, 0, 77, 1)
    assert echo.replied(packet, 77)
    assert not echo.replied(packet, 78)
    assert not echo.replied(b"\x45" + bytes(19) + echo.request(77, 1), 77)
    assert not echo.replied(packet[:24], 77)
    assert not echo.replied(b"", 77)


def test_a_request_has_a_right_checksum() -> None:
    words = struct.unpack("!4H", echo.request(0x1234, 9))
    total = sum(words)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF


def step(number: int, cuts: tuple[str, ...] = ()) -> Step:
    return Step(number, Action.OFF, Outlet("pdu-1", number), (f"bank_{number}",), cuts=cuts)


def test_boards_nobody_named_keep_their_power() -> None:
    fleet = small_fleet(2, 4)
    plan = PowerPlan(Action.OFF, ("bank_1",), (step(1),), collateral=("sw-1",))
    refuse_others(plan, fleet)
    plan = PowerPlan(
        Action.OFF, ("bank_1",), (step(1),), collateral=tuple(b.name for b in fleet.by_bank[2])
    )
    with pytest.raises(PiclusterError, match=r"4 boards nobody named would lose power \(pi-2-1, "):
        refuse_others(plan, fleet)


def test_the_first_cause_is_told() -> None:
    late = StepResult(step(1), done=False, skipped=True, problem=Problem("had to wait"))
    dead = StepResult(step(2), done=False, problem=Problem("pdu-1 does not answer"))
    outlets = [Outlet("pdu-1", 1), Outlet("pdu-1", 2)]
    assert troubles(outlets, [late, dead]) == "pdu-1 does not answer"
    assert troubles(outlets[:1], [late, dead]) == "had to wait"
    assert troubles(outlets, [StepResult(step(1), done=True)]) == ""
    assert troubles(outlets[:1], [StepResult(step(1), done=False)]) == "pdu-1:1 was not switched"


def test_a_report_counts_by_bank() -> None:
    fleet = small_fleet(3, 4)
    runs = [BankRun(1, (1, 3)), BankRun(2, (2,))]
    halted = Halted(["pi-1-1", "pi-1-2", "pi-3-1", "pi-2-1"], ["pi-1-2"], ["pi-2-1"])
    report = report_of(fleet, runs, halted, {1: "", 2: "stuck"}, switched=1, notices=["given up"])
    assert [(b.bank, b.boards, b.asked, b.halted, b.off) for b in report.banks] == [
        (1, 4, 2, 1, True),
        (3, 4, 1, 1, True),
        (2, 4, 1, 0, False),
    ]
    assert report.status == 3
    assert report.lines() == [
        "given up",
        "bank 1: off; 1 of 2 boards had halted",
        "bank 3: off; 1 of 1 boards had halted",
        "bank 2: NOT OFF: stuck; 0 of 1 boards had halted",
        "could not be asked to halt: pi-1-2",
        "cut though they still answered: pi-2-1",
    ]
    assert report_of(fleet, runs, halted, {1: "", 2: ""}).status == 0


def test_looking_at_a_lock_takes_and_makes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    refuse_running(path)
    assert not path.exists()
    held = Lock(path)
    with pytest.raises(PiclusterError, match=rf"running already \(process {os.getpid()}\)"):
        refuse_running(path)
    held.close()
    refuse_running(path)
    Lock(path).close()

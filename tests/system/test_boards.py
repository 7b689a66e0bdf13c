"""A real campaign against a real head and a bank of the live twin, with faults by name."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from boards_support import (
    BANK,
    boards_image,
    campaign,
    inventory_of,
    picluster,
    ping,
    ports,
    processes,
    run,
    small_twin,
    until,
)

from picluster.campaign.settings import Timeouts
from twin.cluster.control import ControlServer, ask, strike
from twin.cluster.truth import judge
from twin.machine.told import last
from twin.virtual.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picluster.campaign.report import Report
    from twin.cluster import LiveTwin
    from twin.head import Head
    from twin.rack import Rack

FAULTS = {
    "pi-2-1": Fault.DISCOVER_LOST,
    "pi-2-2": Fault.DEAD,
    "pi-2-3": Fault.SILENT,
    "pi-2-4": Fault.TFTP_STALL,
    "pi-2-5": Fault.START_ELF,
    "pi-2-6": Fault.PANIC,
    "pi-2-7": Fault.NFS_SILENT,
    "pi-2-8": Fault.HANGS,
    "pi-2-9": Fault.NO_READY,
    "pi-2-10": Fault.OFF_PLAN,
}
SLOTS = 14


@pytest.fixture(scope="module")
def twin(
    configured_head: Head, rack: Rack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveTwin]:
    """Ten boards with a fault each, four without."""
    inventory = inventory_of(tmp_path_factory.mktemp("boards"), SLOTS)
    with (
        boards_image(configured_head, inventory),
        small_twin(configured_head, rack, inventory, FAULTS) as live,
    ):
        yield live


@pytest.fixture(scope="module")
def report(twin: LiveTwin, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a campaign that booted them all once."""
    return campaign(twin, tmp_path_factory.mktemp("journal") / "journal.db")


def test_every_board_ends_at_its_stage_with_its_cause(twin: LiveTwin, report: Report) -> None:
    down = {row.name: (row.stage, row.key) for row in report.down}
    assert down == {
        "pi-2-2": ("powered", "no-discover"),
        "pi-2-3": ("dhcp", "offer-ignored"),
        "pi-2-4": ("tftp", "tftp-stalled"),
        "pi-2-5": ("tftp", "start-elf-again"),
        "pi-2-6": ("tftp", "kernel-silent"),
        "pi-2-7": ("kernel", "no-nfs"),
        "pi-2-8": ("nfs", "not-up"),
        "pi-2-9": ("up", "no-ready"),
        "pi-2-10": ("tftp", "strayed"),
    }
    verdict = judge(twin.truth.boards().values(), down, heartbeat_s=Timeouts().heartbeat)
    assert (verdict.healthy, verdict.ready, verdict.named, verdict.wrong) == (5, 5, 9, ())
    off_plan = [alarm for alarm in report.alarms if "pi-2-10" in alarm]
    assert off_plan, report.alarms


def test_ansible_gets_into_the_boards_that_are_ready(twin: LiveTwin, report: Report) -> None:
    up = ["pi-2-1", "pi-2-11", "pi-2-14"]
    assert not {row.name for row in report.down} & set(up)
    assert ping(twin, [*up, "pi-2-8"]) == {**dict.fromkeys(up, True), "pi-2-8": False}


def test_a_board_that_restarts_comes_back_and_one_that_halts_does_not(
    twin: LiveTwin, report: Report
) -> None:
    assert report.ready == 5
    words = ["ansible", "-i", str(twin.inventory), "-m", "ansible.builtin.command"]
    program = picluster(twin)[0].replace("picluster", "ansible")
    for name, order in (("pi-2-13", "reboot"), ("pi-2-14", "poweroff")):
        assert run([program, *words[1:], name, "-a", order]).returncode == 0
    until(lambda: twin.truth.boards()["pi-2-14"].ended == "halts", "pi-2-14 halts")
    until(lambda: twin.truth.boards()["pi-2-13"].step == "ready", "pi-2-13 is ready again")
    assert twin.truth.boards()["pi-2-13"].boots == 1  # its power was never cut


def test_power_off_kills_every_board_at_once(twin: LiveTwin, report: Report) -> None:
    assert report.ready == 5
    assert processes(twin) > 0
    assert ports(twin)
    done = run(picluster(twin, "power", "off", f"bank_{BANK}", "--yes"))
    assert done.returncode == 0, done.stderr
    until(lambda: not processes(twin), "no board runs", 10)
    assert ports(twin) == set()
    assert {board.power for board in twin.truth.boards().values()} == {False}


def test_a_killed_campaign_goes_on_and_cuts_no_good_board(
    twin: LiveTwin, report: Report, tmp_path: Path
) -> None:
    assert report.ready
    for name in FAULTS:
        strike(twin, name, "well")
    run(picluster(twin, "power", "off", f"bank_{BANK}", "--yes"))
    before = {name: board.boots for name, board in twin.truth.boards().items()}
    words = [*picluster(twin, "boot"), "--bank", str(BANK), "--settle-s", "10"]
    words += ["--journal", str(tmp_path / "journal.db"), "--report", str(tmp_path / "report.json")]
    first = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: any(board.ready for board in twin.truth.boards().values()), "a board is ready")
    first.kill()
    assert first.wait() == -9
    done = run(words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the campaign is resumed" in done.stderr
    assert all(board.ready for board in twin.truth.boards().values())
    boots = {name: board.boots - before[name] for name, board in twin.truth.boards().items()}
    assert set(boots.values()) == {1}


def test_a_person_at_the_plug(twin: LiveTwin, report: Report) -> None:
    assert report.ready
    with ControlServer(twin):
        name = twin.head.name
        ask(name, {"do": "power", "names": ["pi-2-12"], "on": True})
        until(lambda: twin.truth.boards()["pi-2-12"].ready, "pi-2-12 is ready")
        ask(name, {"do": "strike", "name": "pi-2-12", "fault": "crash"})
        until(lambda: twin.truth.boards()["pi-2-12"].ended, "pi-2-12 crashes", 10)
        told = {board["name"]: board for board in ask(name, {"do": "truth"})["boards"]}
        assert told["pi-2-12"]["ended"] == Fault.CRASH.value
        ask(name, {"do": "strike", "name": "pi-2-13", "fault": "overheats"})
        ask(name, {"do": "power", "names": ["pi-2-13"], "on": False})
        ask(name, {"do": "power", "names": ["pi-2-13"], "on": True})
        until(lambda: twin.truth.boards()["pi-2-13"].ended, "pi-2-13 overheats")
        said = last(twin.head, "172.20.2.13")
        assert said is not None
        assert (said["event"], said["temperature_c"] >= 85) == ("alive", True)
        ask(name, {"do": "strike", "name": f"bank_{BANK}", "fault": "unplugged"})
        until(lambda: not processes(twin), "nothing runs in a bank that is unplugged", 10)

"""Rolling operations on two banks of the live twin: real boots, ssh, a hook, kills."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from boards_support import boards_image, campaign, inventory_with, small_twin, until
from rolling_support import Rolling, outcomes

from twin.cluster.control import strike
from twin.devices.kubernetes_api import ApiServer, State
from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twin.head import Head
    from twin.rack import Rack

pytestmark = pytest.mark.timeout(600)
BANKS = {1: 3, 2: 2}
KUBECTL = TREE / "build" / "daemons" / "usr" / "bin" / "kubectl"
ALL = ("pi-1-1", "pi-1-2", "pi-1-3", "pi-2-1", "pi-2-2")


@pytest.fixture(scope="module")
def rolling(
    configured_head: Head, rack: Rack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rolling]:
    """Five boards, ready."""
    inventory = inventory_with(tmp_path_factory.mktemp("boards"), BANKS)
    folder = tmp_path_factory.mktemp("rolling")
    with (
        boards_image(configured_head, inventory) as version,
        small_twin(configured_head, rack, inventory) as live,
    ):
        report = campaign(live, folder / "journal.db", tuple(BANKS))
        assert report.ready == len(ALL), report.plain()
        yield Rolling(live, folder, version)


@pytest.fixture
def kubernetes() -> Iterator[ApiServer]:
    """A stand-in for an API server that knows the boards; the playbook asks it by kubectl."""
    state = State()
    for name in ALL:
        state.add_node(name)
        state.pods[f"on-{name}"] = name
    with ApiServer(state) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_check_says_who_would_reboot_and_reboots_nobody(rolling: Rolling) -> None:
    before = {name: rolling.said(name) for name in ALL}
    rolling.new_image("second")
    done = rolling.playbook("--check", reboot_hooks="probe")
    assert done.returncode == 0
    assert "5 boards would reboot, bank by bank, drained by probe" in done.stdout
    assert f"bank 1: 3 from {rolling.version} to second" in done.stdout
    assert {name: rolling.said(name) for name in ALL} == before
    assert rolling.hooked() == []


def test_a_drain_that_fails_leaves_its_bank_alone_and_stops(rolling: Rolling) -> None:
    before = {name: rolling.said(name) for name in ALL}
    done = rolling.playbook(reboot_hooks="probe", probe_stuck="pi-1-2")
    assert done.returncode != 0
    report = rolling.report()
    assert (report["status"], report["stopped"]) == (3, "bank 1: its drain failed")
    assert outcomes(report) == {
        **dict.fromkeys(ALL[:3], "undrained"),
        **dict.fromkeys(ALL[3:], "untouched"),
    }
    assert report["boards"][0]["reason"] == "not drained: the work of pi-1-2 does not end"
    assert report["drained"] == []
    assert {name: rolling.said(name) for name in ALL} == before
    assert rolling.hooked() == [
        "drain pi-1-1 pi-1-2 pi-1-3: rolling reboot, 600 s",
        "resume pi-1-1 pi-1-2 pi-1-3",
    ]


def test_a_board_that_is_lost_stops_before_the_next_bank(rolling: Rolling) -> None:
    before = {name: rolling.said(name)[0] for name in ALL}
    rolling.halts("pi-1-3")
    done = rolling.playbook(reboot_hooks=["probe"], reboot_budget=0, reboot_back_s=20)
    assert done.returncode != 0
    report = rolling.report()
    assert outcomes(report) == {
        "pi-1-1": "ok", "pi-1-2": "ok", "pi-1-3": "failed",
        "pi-2-1": "untouched", "pi-2-2": "untouched",
    }  # fmt: skip
    assert report["stopped"] == "bank 1 lost 1 of 3 boards, 0 are allowed"
    assert report["drained"] == ["pi-1-3"]
    assert "not back after 20 s" in report["boards"][2]["reason"]
    assert rolling.hooked()[1:] == ["resume pi-1-1 pi-1-2"]
    after = {name: rolling.said(name) for name in ALL}
    assert {name for name in ALL if after[name][0] != before[name]} == {"pi-1-1", "pi-1-2"}
    assert {after[name][1] for name in ("pi-1-1", "pi-1-2")} == {"second"}


def test_a_board_that_halts_comes_back_by_a_power_cycle(
    rolling: Rolling, kubernetes: ApiServer
) -> None:
    """The bank was drained as a whole, so that its outlet may be cut for one board."""
    asks = {
        "workload_kubernetes_control": "localhost",
        "workload_kubernetes_kubectl": [str(KUBECTL), f"--server={kubernetes.url}"],
    }
    before = {name: rolling.twin.truth.boards()[name].boots for name in ALL}
    rolling.halts("pi-2-2")
    patient = {"quorum": 1.0, "board_minutes": 600, "max_attempts": 2, "off_s": 1}
    done = rolling.playbook(
        "--limit", "bank_2", reboot_hooks="probe,kubernetes", reboot_back_s=20,
        reboot_campaign=patient, **asks,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert outcomes(rolling.report()) == {"pi-2-1": "ok", "pi-2-2": "ok"}
    assert {rolling.said(name)[1] for name in ("pi-2-1", "pi-2-2")} == {"second"}
    boots = {name: board.boots for name, board in rolling.twin.truth.boards().items()}
    assert {name for name in ALL if boots[name] != before[name]} == {"pi-2-1", "pi-2-2"}
    assert rolling.hooked() == [
        "drain pi-2-1 pi-2-2: rolling reboot, 600 s", "resume pi-2-1 pi-2-2",
    ]  # fmt: skip
    assert sorted(kubernetes.state.pods.values()) == ["pi-1-1", "pi-1-2", "pi-1-3"]
    assert {line.split()[0] for line in kubernetes.state.asked} == {"pi-2-1", "pi-2-2"}
    assert not any(node["spec"] for node in kubernetes.state.nodes.values())


def test_a_board_that_is_back_later_is_resumed_by_the_next_run(rolling: Rolling) -> None:
    twin = rolling.twin
    twin.power(["pi-1-3"], on=False)
    twin.power(["pi-1-3"], on=True)
    until(lambda: twin.truth.boards()["pi-1-3"].ready, "pi-1-3 is ready")
    done = rolling.playbook()
    assert done.returncode == 0
    assert outcomes(rolling.report()) == dict.fromkeys(ALL, "unchanged")
    assert rolling.hooked() == ["resume pi-1-3"]


def test_answers_are_folded_and_who_gives_none_is_named(rolling: Rolling, tmp_path: Path) -> None:
    journal = ("--journal", str(rolling.folder / "journal.db"))
    script = "hostname | cut -d- -f2; [ $(hostname) != pi-2-2 ] || exit 3"
    done = rolling.command("run", *journal, "--limit", "pi", "--", script)
    assert done.returncode == 3
    assert done.stdout.splitlines()[1::4] == [
        "pi-1-[1-3] (3)",
        "pi-2-1 (1)",
        "pi-2-2 (1): status 3",
    ]
    assert done.stdout.splitlines()[3::4] == ["1", "2", "2"]
    assert "failed on pi-2-2" in done.stderr
    strike(rolling.twin, "pi-2-1", "crash")
    done = rolling.command("run", *journal, "--json", "--", "printf", "a b\\033[2J")
    found = json.loads(done.stdout)
    assert [(one["boards"], one["output"]) for one in found["groups"]] == [
        ("pi-1-[1-3],pi-2-2", "a b\\x1b[2J")
    ]
    assert list(found["unreached"]) == ["pi-2-1"]
    assert done.returncode == 3
    to = ("--to", str(tmp_path / "logs"), "--kib", "64")
    done = rolling.command("logs", "bank_2", *journal, *to)
    assert done.returncode == 3
    own = (tmp_path / "logs/bank_2/pi-2-2.log").read_text()
    assert "pi-2-2 172.20.2.2 on eth0" in own
    known = (tmp_path / "logs/bank_2/pi-2-1.log").read_text()
    assert known.startswith("# pi-2-1 gave no journal (")
    assert "DHCPDISCOVER from" in known
    assert "node pi-2-1 172.20.2.1 ready" in known
    assert "172.20.2.2 " not in known
    assert sorted(path.name for path in (tmp_path / "logs").rglob("*.log")) == [
        "pi-2-1.log", "pi-2-2.log",
    ]  # fmt: skip

"""Rolling operations on two banks of the live twin: real boots, ssh, a hook, kills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from boards_support import boards_image, campaign, inventory_with, small_twin
from rolling_support import Rolling, outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.head import Head
    from twin.rack import Rack

pytestmark = pytest.mark.timeout(600)
BANKS = {1: 3, 2: 2}
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


def test_nothing_new_reboots_nobody_and_a_check_says_who_would(rolling: Rolling) -> None:
    before = {name: rolling.said(name) for name in ALL}
    done = rolling.playbook(reboot_hooks="probe")
    assert done.returncode == 0
    assert outcomes(rolling.report()) == dict.fromkeys(ALL, "unchanged")
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
    done = rolling.playbook(reboot_hooks=["probe"], reboot_budget=0, reboot_back_s=25)
    assert done.returncode != 0
    report = rolling.report()
    assert outcomes(report) == {
        "pi-1-1": "ok", "pi-1-2": "ok", "pi-1-3": "failed",
        "pi-2-1": "untouched", "pi-2-2": "untouched",
    }  # fmt: skip
    assert report["stopped"] == "bank 1 lost 1 of 3 boards, 0 are allowed"
    assert report["drained"] == ["pi-1-3"]
    assert "not back after 25 s" in report["boards"][2]["reason"]
    assert rolling.hooked()[1:] == ["resume pi-1-1 pi-1-2"]
    after = {name: rolling.said(name) for name in ALL}
    assert {name for name in ALL if after[name][0] != before[name]} == {"pi-1-1", "pi-1-2"}
    assert {after[name][1] for name in ("pi-1-1", "pi-1-2")} == {"second"}

"""playbooks/boot.yml, run by ansible-playbook against a small cluster of programs."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import yaml

from picluster.campaign.settings import Settings, Timeouts
from tests.conftest import REPOSITORY, MakeDescription
from tests.plugins.action.boot_cluster import QUICK, BootCluster, wait_for

pytestmark = pytest.mark.timeout(180)
#: A bank that is silent stays in the campaign.
PATIENT = {
    **QUICK,
    "campaign_settings": {"timeouts": {"powered": 150, "dhcp": 150, "tftp": 150}},
}


@pytest.fixture(name="cluster")
def boot_cluster(tmp_path: Path, description: MakeDescription) -> BootCluster:
    return BootCluster(tmp_path, description)


def test_a_cluster_boots_and_a_second_run_changes_nothing(cluster: BootCluster) -> None:
    first = cluster.play("boot.yml", **QUICK)
    assert first.returncode == 0, first.stdout + first.stderr
    assert cluster.switched() == ["on 1", "on 2"]
    # told while it happens, before the task's result
    assert first.stdout.index("bank 2: has power (attempt 1)") < first.stdout.index("changed: [")
    assert "4 of 4 boards are ready" in first.stdout
    report = cluster.report()
    assert (report["status"], report["ready"], report["switched"]) == (0, 4, 2)
    stats = first.stdout.partition("CUSTOM STATS")[2]
    assert "picluster_boot:" in stats
    assert "ready: 4" in stats
    second = cluster.play("boot.yml", **QUICK)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "bank 1: has power already" in second.stdout
    assert "changed=0" in second.stdout
    assert cluster.switched() == ["on 1", "on 2"]


def test_a_check_shows_the_order_and_switches_nothing(cluster: BootCluster) -> None:
    (cluster.folder / "outlets" / "2").touch()
    done = cluster.play("boot.yml", "--check", "--diff", **QUICK)
    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert (
        "1. bank 1 (2 boards, 2 are enough): is off, would be switched on: pdu-1:1 (bank_1)"
    ) in said
    assert (
        "2. bank 2 (2 boards, 2 are enough): has power already, its boards would be listened for"
    ) in said
    assert cluster.switched() == []
    assert list(cluster.state.rglob("*.json")) == []
    order = json.loads((cluster.folder / "order").read_text())
    assert order["dhcp"] is None, "a board might have the address that is asked for"


def test_below_the_quorum_the_play_fails_with_the_reason(cluster: BootCluster) -> None:
    cluster.silence("pi-2-1")
    extra = {**QUICK, "campaign_max_attempts": 1}
    done = cluster.play("boot.yml", "--limit", "bank_2", **extra)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "bank 2: 1/2 ready, short" in done.stdout
    assert "no DISCOVER: no power, no link" in done.stdout
    assert cluster.switched() == ["on 2"], "the limit's bank alone"
    assert cluster.report()["status"] == 3
    assert "picluster_boot:" in done.stdout.partition("CUSTOM STATS")[2]


def test_an_unknown_bank_is_refused(cluster: BootCluster) -> None:
    done = cluster.play("boot.yml", "--limit", "bank_9", **QUICK)
    assert done.returncode == 1
    assert "leaves us with no hosts to target" in done.stderr
    assert cluster.switched() == []


@pytest.mark.parametrize(
    ("words", "extra", "said"),
    [
        (
            ["--limit", "pi-1-1"],
            {},
            "the limit names 1 of 2 boards of bank 1, which has one outlet",
        ),
        ([], {"campaign_settings": {"speed": 3}}, "no setting is called speed"),
        ([], {"campaign_quorum": 1.5}, "quorum 1.5 is no part of a bank"),
        ([], {"campaign_reach": {"small-head": 7}}, "the way to small-head is no command: '7'"),
    ],
)
def test_what_is_refused(
    cluster: BootCluster, words: list[str], extra: dict[str, object], said: str
) -> None:
    done = cluster.play("boot.yml", *words, **{**QUICK, **extra})
    assert done.returncode == 2
    assert said in " ".join(done.stdout.split())
    assert cluster.switched() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_playbook_is_resumed_by_the_next(cluster: BootCluster, number: int) -> None:
    cluster.silence("pi-1-1", "pi-1-2")
    running = cluster.begin("boot.yml", **PATIENT)
    wait_for(lambda: "on 2" in cluster.switched())
    lock = cluster.state / "picluster/small.campaign.db.lock"
    worker = int(lock.read_text())
    second = cluster.play("boot.yml", **PATIENT)
    assert second.returncode == 2
    assert f"a campaign is running already (process {worker})" in second.stdout
    os.kill(running.pid, number)
    running.wait(60)
    wait_for(lambda: not Path(f"/proc/{worker}").exists())
    cluster.silence()
    cluster.switch("on", 1)  # while nobody looks, they come up
    again = cluster.play("boot.yml", **PATIENT)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "the campaign is resumed" in again.stdout
    assert cluster.report()["ready"] == 4
    assert cluster.switched() == ["on 1", "on 2", "on 1"], "nothing is cut, nothing done twice"


def test_defaults_of_the_role_are_those_of_the_library() -> None:
    path = REPOSITORY / "roles" / "campaign" / "defaults" / "main.yml"
    values = yaml.safe_load(path.read_text())
    ours = Settings()
    assert values.pop("campaign_quorum") == "{{ 40 / 42 }}"
    assert ours.quorum == 40 / 42
    knobs = {name.removeprefix("campaign_"): value for name, value in values.items()}
    assert {name: value for name, value in knobs.items() if hasattr(ours, name)} == {
        name: getattr(ours, name) for name in knobs if hasattr(ours, name)
    }
    assert {"batch_size", "max_attempts", "stagger_s", "max_banks_on", "max_temp_c"} < set(knobs)
    assert Timeouts() == ours.timeouts

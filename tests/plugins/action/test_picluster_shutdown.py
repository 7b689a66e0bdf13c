"""playbooks/shutdown.yml and picluster shutdown against a small cluster of programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from picluster.campaign.journal import SqliteJournal
from picluster.campaign.journal.lock import Lock
from picluster.campaign.journal.status import read_status
from picluster.campaign.live.campaign import identity
from picluster.campaign.live.clock import SystemClock
from picluster.campaign.runs import Phase
from picluster.plan.read import read_plan
from tests.conftest import REPOSITORY, MakeDescription
from tests.plugins.action.boot_cluster import BootCluster
from tests.unit.cli.commanding import picluster

pytestmark = pytest.mark.timeout(180)
ALL = ["pi-1-1", "pi-1-2", "pi-2-1", "pi-2-2"]


@pytest.fixture(name="cluster")
def boot_cluster(tmp_path: Path, description: MakeDescription) -> BootCluster:
    cluster = BootCluster(tmp_path, description)
    cluster.run_already()
    return cluster


@pytest.fixture(name="journal")
def journal_of(cluster: BootCluster) -> Path:
    (cluster.state / "picluster").mkdir(parents=True)
    return cluster.state / "picluster" / "small.campaign.db"


def stages(cluster: BootCluster, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What picluster status says."""
    monkeypatch.setenv("XDG_STATE_HOME", str(cluster.state))
    via = f"small-head={cluster.folder / 'podman'} exec -i small-head"
    done = picluster("status", "-i", cluster.path, "--via", via, "--json")
    assert done.returncode == 0, done.stderr
    return {board["name"]: board["stage"] for board in json.loads(done.stdout)}


def test_boards_halt_before_their_banks_go_off(
    cluster: BootCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stages(cluster, monkeypatch) == dict.fromkeys(ALL, "ready")
    done = cluster.play("shutdown.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.halted() == ALL
    assert cluster.switched() == ["off 2", "off 1"]
    order = json.loads((cluster.folder / "order").read_text())
    assert order["limit_s"] == 90
    assert order["addresses"] == [f"172.20.{b}.{s}" for b in (1, 2) for s in (1, 2)]
    report = cluster.report("shutdown")
    assert [(one["bank"], one["halted"], one["off"]) for one in report["banks"]] == [
        (1, 2, True),
        (2, 2, True),
    ]
    assert (report["status"], report["unreachable"], report["answering"]) == (0, [], [])
    assert "picluster_shutdown:" in done.stdout.partition("CUSTOM STATS")[2]
    # the boards' last words are still on the boot server
    assert stages(cluster, monkeypatch) == dict.fromkeys(ALL, "off")
    again = cluster.play("shutdown.yml")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "changed=0" in again.stdout
    assert (cluster.halted(), cluster.switched()) == (ALL, ["off 2", "off 1"])


def test_who_does_not_halt_holds_nobody_up(cluster: BootCluster) -> None:
    way = cluster.folder / "way.yml"
    hosts = json.loads(way.read_text())
    gone = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    hosts["all"]["children"]["pi"]["hosts"] = {"pi-1-1": gone}
    way.write_text(json.dumps(hosts))
    (cluster.folder / "answering").write_text(json.dumps({"answering": ["172.20.2.2"]}))
    (cluster.folder / "broken").write_text("2")
    done = cluster.play("shutdown.yml", shutdown_halt_s=3)
    assert done.returncode == 2, done.stdout + done.stderr
    assert cluster.halted() == ALL[1:]
    assert cluster.switched() == ["off 1"]
    report = cluster.report("shutdown")
    assert (report["status"], report["unreachable"], report["answering"]) == (
        3, ["pi-1-1"], ["pi-2-2"],
    )  # fmt: skip
    first, second = report["banks"]
    assert (first["asked"], first["halted"], first["off"]) == (2, 1, True)
    assert (second["halted"], second["off"]) == (1, False)
    assert "the relay is stuck" in second["why"]
    said = " ".join(done.stdout.split())
    assert "could not be asked to halt: pi-1-1" in said
    assert "cut though they still answered: pi-2-2" in said
    plan = read_plan(cluster.path)
    kept = read_status(cluster.state / "picluster/small.campaign.db", identity(plan))
    assert kept is not None
    assert {bank: run.phase for bank, run in kept.runs.items()} == {1: Phase.OFF}


def test_a_check_asks_nobody(cluster: BootCluster) -> None:
    done = cluster.play("shutdown.yml", "--check", "--limit", "bank_2")
    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert "bank 2: 2 of 2 boards are asked to halt" in said
    assert "1. off pdu-1:2 (bank_2), cuts 2 boards" in said
    assert (cluster.halted(), cluster.switched()) == ([], [])
    assert not (cluster.state / "picluster").exists() or not list(cluster.state.rglob("*.db"))


def test_what_is_refused(cluster: BootCluster, journal: Path) -> None:
    cut = cluster.play("shutdown.yml", "--limit", "pi-1-1")
    assert cut.returncode == 2
    assert "1 of 2 boards of bank 1, which has one outlet" in cut.stdout
    lock = Lock(journal.with_name(journal.name + ".lock"))
    try:
        running = cluster.play("shutdown.yml")
    finally:
        lock.close()
    assert running.returncode == 2
    assert "a campaign is running already" in running.stdout
    assert (cluster.halted(), cluster.switched()) == ([], [])


def test_an_unfinished_campaign_is_given_up(cluster: BootCluster, journal: Path) -> None:
    cluster_name = identity(read_plan(cluster.path))
    with SqliteJournal(journal, cluster_name, SystemClock()) as opened:
        opened.start([2], {})
    assert cluster.play("shutdown.yml", "--limit", "bank_1").returncode == 0
    with SqliteJournal(journal, cluster_name, SystemClock()) as opened:
        assert opened.unfinished() is not None, "it is about another bank"
    done = cluster.play("shutdown.yml", "--limit", "bank_2")
    assert "an unfinished campaign of these banks is given up" in " ".join(done.stdout.split())
    with SqliteJournal(journal, cluster_name, SystemClock()) as opened:
        assert opened.unfinished() is None


def test_the_command_goes_through_the_playbook(
    cluster: BootCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PICLUSTER_PROJECT", str(REPOSITORY))
    monkeypatch.setenv("XDG_STATE_HOME", str(cluster.state))
    sources = ["-i", cluster.path, "-i", cluster.folder / "way.yml"]
    shown = picluster("shutdown", *sources, "--check", "--bank", "1")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines()[0] == "bank 1: 2 of 2 boards are asked to halt"
    assert (cluster.halted(), cluster.switched()) == ([], [])
    done = picluster("shutdown", *sources, "--limit", "bank_1", "--halt-s", "2", "--json")
    report: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, report["status"]) == (0, 0)
    assert cluster.switched() == ["off 1"]
    (cluster.folder / "broken").write_text("2")
    failed = picluster("shutdown", *sources, "--bank", "2")
    assert failed.returncode == 3
    assert failed.stdout.startswith("bank 2: NOT OFF: ")
    refused = picluster("shutdown", *sources, "--limit", "pi-2-1")
    assert refused.returncode == 1
    assert "the limit names 1 of 2 boards of bank 2" in refused.stderr
    for words, said in (
        (["--bank", "9"], "no bank 9"),
        (["--limit", "bank_9"], "leaves us with no hosts to target"),
        (["-i", cluster.folder / "none"], "no such inventory source"),
    ):
        unknown = picluster("shutdown", *sources, *words)
        assert (unknown.returncode, unknown.stdout) == (1, "")
        assert said in unknown.stderr


def test_the_role_waits_as_long_as_its_module_says() -> None:
    values = yaml.safe_load((REPOSITORY / "roles/shutdown/defaults/main.yml").read_text())
    documented = (REPOSITORY / "plugins/modules/picluster_shutdown.py").read_text()
    assert f"default: {values['shutdown_halt_s']}\n" in documented

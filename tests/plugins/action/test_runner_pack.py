"""ansible-runner itself: from a private data directory, here and through transmit and worker."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_runner
import pytest

from picluster.errors import PiclusterError
from picluster.runner import End, RunResult, Secrets, keep_failures, pack, result_of
from tests.conftest import REPOSITORY, MakeDescription
from tests.plugins.action.boot_cluster import BIN, QUICK, BootCluster

pytestmark = pytest.mark.timeout(180)
SECRET = "a-word-nobody-may-find"


@pytest.fixture(name="cluster")
def boot_cluster(tmp_path: Path, description: MakeDescription) -> BootCluster:
    cluster = BootCluster(tmp_path, description)
    cluster.environ["PATH"] = f"{BIN}{os.pathsep}{cluster.environ['PATH']}"
    del cluster.environ["ANSIBLE_CONFIG"]  # the packed project has its own
    return cluster


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """ansible-runner puts handlers of its own in the place of these, and leaves them there."""
    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in old.items():
        signal.signal(number, handler)


def packed(cluster: BootCluster, **wishes: Any) -> Path:
    folder = cluster.folder / "private"
    sources = [cluster.path, cluster.folder / "way.yml"]
    pack(folder, sources, project=REPOSITORY, variables=QUICK, **wishes)
    return folder


def outcome(cluster: BootCluster, events: list[dict[str, Any]]) -> RunResult:
    (end,) = (event for event in events if event["event"] == "playbook_on_stats")
    return result_of(cluster.path, end["event_data"]["artifact_data"])


def test_plain_ansible_runner_boots_from_what_is_packed(
    cluster: BootCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cluster.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ANSIBLE_CONFIG", raising=False)
    run = ansible_runner.run(
        private_data_dir=str(packed(cluster, limit="bank_1")),
        playbook="playbooks/boot.yml",
        event_handler=keep_failures,
        quiet=True,
    )
    assert (run.status, run.rc) == ("successful", 0)
    events = list(run.events)
    assert [event["event"] for event in events] == ["playbook_on_stats"], "the filter kept the end"
    booted = outcome(cluster, events)
    assert (booted.end, booted.counts(), booted.node("pi-1-2").tries) == (End.DONE, {"ready": 2}, 1)
    assert run.config.env["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    assert cluster.switched() == ["on 1"]


def test_transmit_worker_process_works_a_bank_on_another_machine(cluster: BootCluster) -> None:
    """The worker has the journal, the passwords and the way to the PDUs; the sender has none."""
    password = cluster.folder / "password"
    password.write_text(f"{SECRET}-pdu\n")
    password.chmod(0o600)
    secrets = Secrets(variables={"ansible_become_password": f"{SECRET}-become"})
    private, worker, came_back, stream = (
        cluster.folder / name for name in ("private", "worker", "came-back", "stream")
    )
    packed(cluster, limit="bank_2", secrets=secrets)
    there = {**cluster.environ, "PICLUSTER_PDU_PASSWORD_FILE": str(password)}
    here = {
        name: value for name, value in cluster.environ.items() if not name.startswith("ANSIBLE_")
    }
    program = str(BIN / "ansible-runner")
    with (
        subprocess.Popen(
            [program, "transmit", str(private), "-p", "playbooks/boot.yml"],
            stdout=subprocess.PIPE, env=here,
        ) as transmit,
        subprocess.Popen(
            [program, "worker", "--private-data-dir", str(worker)],
            stdin=transmit.stdout, stdout=subprocess.PIPE, env=there,
        ) as work,
        subprocess.Popen(
            ["tee", str(stream)], stdin=work.stdout, stdout=subprocess.PIPE
        ) as copy,
        subprocess.Popen(
            [program, "process", str(came_back)],
            stdin=copy.stdout, stdout=subprocess.PIPE, env=here,
        ) as process,
    ):  # fmt: skip
        for pipe in (transmit.stdout, work.stdout, copy.stdout):
            assert pipe is not None
            pipe.close()
        said, _ = process.communicate(timeout=150)
    assert (transmit.returncode, work.returncode, process.returncode) == (0, 0, 0), said.decode()
    assert cluster.switched() == ["on 2"]
    artefacts = came_back / "artifacts"
    assert (artefacts / "rc").read_text() == "0"
    assert (artefacts / "status").read_text() == "successful"
    events = [json.loads(path.read_text()) for path in (artefacts / "job_events").glob("*.json")]
    booted = outcome(cluster, events)
    assert (booted.action, booted.end, booted.status) == ("boot", End.DONE, 0)
    assert {node.name: node.state for node in booted.nodes} == {
        "pi-2-1": "ready",
        "pi-2-2": "ready",
    }
    assert "bank 2: has power (attempt 1)" in "".join(event["stdout"] for event in events)
    # the same stream, read in Python: only the end is kept
    filtered = cluster.folder / "filtered"
    filtered.mkdir()
    with stream.open("rb") as source:
        ansible_runner.run(
            streamer="process", _input=source, private_data_dir=str(filtered),
            event_handler=keep_failures, quiet=True,
        )  # fmt: skip
    (kept,) = (json.loads(p.read_text()) for p in filtered.rglob("job_events/*.json"))
    assert outcome(cluster, [kept]) == booted
    for folder in (came_back, filtered, worker / "artifacts"):
        found = [p for p in folder.rglob("*") if p.is_file() and SECRET in p.read_text("utf-8")]
        assert found == []


def test_what_is_packed_is_the_owners_and_enough(cluster: BootCluster) -> None:
    secrets = Secrets({"a": SECRET}, passwords={"^ask:": SECRET}, ssh_key=f"{SECRET}\n")
    folder = packed(cluster, limit="bank_1,bank 2", check=True, secrets=secrets)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    env = {path.name: path.read_text() for path in (folder / "env").iterdir()}
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in (folder / "env").iterdir())
    assert env.pop("cmdline") == "--limit 'bank_1,bank 2' --check"
    assert env.pop("ssh_key") == f"{SECRET}\n"
    assert json.loads(env.pop("passwords")) == {"^ask:": SECRET}
    assert json.loads(env.pop("extravars")) == {**QUICK, "a": SECRET}
    assert json.loads(env.pop("envvars"))["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    assert set(env) == {"settings"}
    assert {path.name for path in (folder / "inventory").iterdir()} == {
        "macs.csv", "small.picluster.yml", "zz-1-way.yml",
    }  # fmt: skip
    assert {path.name for path in (folder / "project").iterdir()} == {
        "ansible.cfg", "playbooks", "plugins", "roles", "site.yml",
    }  # fmt: skip
    assert not list(folder.rglob("__pycache__"))


def test_a_folder_is_packed_with_all_that_is_in_it(tmp_path: Path) -> None:
    pack(tmp_path / "private", [REPOSITORY / "inventory" / "mini"])
    inventory = tmp_path / "private" / "inventory"
    assert (inventory / "group_vars" / "head" / "connection.yml").is_file()
    assert (inventory / "cluster.picluster.yml").is_file()
    assert not (tmp_path / "private" / "env" / "extravars").exists()


def test_what_is_refused(cluster: BootCluster, tmp_path: Path) -> None:
    with pytest.raises(PiclusterError, match="PICLUSTER_PDU_PASSWORD would be in ansible-runner"):
        packed(cluster, secrets=Secrets(environment={"PICLUSTER_PDU_PASSWORD": SECRET}))
    assert not (cluster.folder / "private").exists()
    packed(cluster)
    with pytest.raises(PiclusterError, match="the folder is not empty; name another one"):
        packed(cluster)
    with pytest.raises(PiclusterError, match="no such inventory source"):
        pack(tmp_path / "other", [cluster.path, tmp_path / "none.yml"], project=REPOSITORY)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("statistics", "said"),
    [
        ({}, "the statistics hold no report"),
        ({"picluster_boot": "text"}, "the statistics hold no report"),
        ({"picluster_boot": {"cluster": "other"}}, "the report is of cluster 'other'"),
        ({"picluster_boot": {"cluster": "small"}}, "the report is damaged"),
        ({"picluster_boot": {"cluster": "small", "status": 7}}, "the report is damaged"),
        (
            {"picluster_boot": {"cluster": "small", "status": 0, "banks": [{"bank": 1}]}},
            "the report is damaged",
        ),
        (
            {"picluster_shutdown": {"cluster": "small", "status": 0, "banks": [{"bank": "x"}]}},
            "the report is damaged",
        ),
    ],
)
def test_a_report_that_is_none(cluster: BootCluster, statistics: dict[str, Any], said: str) -> None:
    with pytest.raises(PiclusterError, match=said):
        result_of(cluster.path, statistics)

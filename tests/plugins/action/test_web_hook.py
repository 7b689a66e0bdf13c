"""examples/web_hook.py as a program, asked over HTTP; its boots are real playbook runs."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picluster.campaign.journal.lock import RUN, Lock
from picluster.runner.turn import run_lock
from tests.conftest import REPOSITORY, MakeDescription
from tests.plugins.action.boot_cluster import QUICK, BootCluster

pytestmark = pytest.mark.timeout(120)
TOKEN = "hook-token"


@pytest.fixture(name="cluster")
def boot_cluster(tmp_path: Path, description: MakeDescription) -> BootCluster:
    cluster = BootCluster(tmp_path, description)
    way = cluster.folder / "way.yml"
    hosts = json.loads(way.read_text())
    hosts["all"]["vars"] = QUICK
    way.write_text(json.dumps(hosts))
    (cluster.state / "picluster").mkdir(parents=True)
    return cluster


@pytest.fixture(name="hook")
def running_hook(cluster: BootCluster) -> Iterator[int]:
    """The port of a hook."""
    environment = {
        **cluster.environ, "PICLUSTER_HOOK_TOKEN": TOKEN, "PORT": "0",
        "PICLUSTER_PROJECT": str(REPOSITORY),
    }  # fmt: skip
    words = [sys.executable, str(REPOSITORY / "examples" / "web_hook.py")]
    with subprocess.Popen(
        [*words, str(cluster.path), str(cluster.folder / "way.yml")],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("http://127.0.0.1:"), said
        yield int(said.rpartition(":")[2])
        process.terminate()


def ask(
    port: int, method: str, path: str, body: str | None = None, token: str = TOKEN
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_it_boots_a_bank_and_says_how_every_board_is(cluster: BootCluster, hook: int) -> None:
    code, looked = ask(hook, "POST", "/boot", '{"banks": [1], "check": true}')
    assert (code, looked["end"]) == (200, "done")
    assert looked["lines"][0].startswith("1. bank 1 (2 boards, 2 are enough): is off, would be")
    assert cluster.switched() == []
    code, booted = ask(hook, "POST", "/boot", '{"banks": [1]}')
    assert code == 200, booted
    assert {node["name"]: node["state"] for node in booted["nodes"]} == {
        "pi-1-1": "ready", "pi-1-2": "ready",
    }  # fmt: skip
    assert cluster.switched() == ["on 1"]
    code, found = ask(hook, "GET", "/status")
    assert code == 200
    assert {node["name"]: node["state"] for node in found["nodes"]} == {
        "pi-1-1": "ready", "pi-1-2": "ready", "pi-2-1": "off", "pi-2-2": "off",
    }  # fmt: skip


@pytest.mark.parametrize("token", ["", "hook-tokem", "hook-token ", "h\xf6\xf6k", "hook-token2"])
def test_a_wrong_token_does_nothing(cluster: BootCluster, hook: int, token: str) -> None:
    for method, path in (("POST", "/boot"), ("GET", "/status"), ("GET", "/nothing")):
        code, said = ask(hook, method, path, token=token)
        assert (code, said) == (401, {"error": "the token is wrong"})
    assert cluster.switched() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "error"),
    [
        ("GET", "/boot", None, 404, "there are GET /status, POST /boot"),
        ("POST", "/boot", '{"banks": [9]}', 400, "no bank 9; described are: 1, 2"),
        ("POST", "/boot", '{"banks": ["1; reboot"]}', 400, "bank '1; reboot' is no number"),
        ("POST", "/boot", "[1]", 400, "the body is no JSON object"),
        ("POST", "/boot", "{", 400, "the body is no JSON object"),
        ("POST", "/boot", '{"banks": 1}', 400, "the body is no JSON object"),
        ("POST", "/boot", "[" * 9000, 400, "the body is no JSON object"),
        ("POST", "/boot", '{"banks": [' + "1," * 9000 + "1]}", 400, "the body is no JSON object"),
    ],
)
def test_what_is_wrong_is_said(
    cluster: BootCluster, hook: int, method: str, path: str, body: str | None, code: int, error: str
) -> None:
    found, said = ask(hook, method, path, body)
    assert found == code
    assert error in said["error"]
    assert cluster.switched() == []


def test_a_cluster_that_is_taken_is_a_conflict(cluster: BootCluster, hook: int) -> None:
    with Lock(run_lock(cluster.state / "picluster" / "small.campaign.db"), RUN):
        code, said = ask(hook, "POST", "/boot", '{"banks": [1]}')
    assert code == 409
    assert "a run is running already" in said["error"]


def test_it_listens_on_the_loopback_alone(hook: int) -> None:
    with socket.socket() as other:
        other.settimeout(2)
        with pytest.raises(OSError, match="refused"):
            other.connect(("127.0.0.2", hook))


def test_without_a_token_it_does_not_start(cluster: BootCluster) -> None:
    environment = {name: v for name, v in cluster.environ.items() if "HOOK" not in name}
    words = [sys.executable, str(REPOSITORY / "examples" / "web_hook.py"), str(cluster.path)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "set PICLUSTER_HOOK_TOKEN, and name the inventory\n"

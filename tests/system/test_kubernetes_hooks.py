"""Nodes are drained and given back by the real kubectl, which asks a stand-in for an API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from twin.devices.kubernetes_api import ApiServer, State
from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)
KUBECTL = TREE / "build" / "daemons" / "usr" / "bin" / "kubectl"
CLOSED = "picluster/closed"


class Hooks:
    """The role's hooks, asked on this machine."""

    def __init__(self, folder: Path, server: ApiServer) -> None:
        self.folder = folder
        self.state = server.state
        self.url = server.url

    def run(self, hook: str, nodes: list[str], **more: Any) -> tuple[int, str]:
        """Its status and output."""
        variables = {
            "rolling_nodes": nodes,
            "rolling_reason": "new image",
            "rolling_drain_s": 4,
            "workload_kubernetes_control": "localhost",
            "workload_kubernetes_kubectl": [str(KUBECTL), f"--server={self.url}"],
            "workload_kubernetes_answer_s": 10,
            "picluster_export_root": "/srv",
            "picluster_zones": "",
            **more,
        }
        role = {"name": "workload_kubernetes", "tasks_from": hook}
        book = self.folder / "book.yml"
        tasks = [{"ansible.builtin.include_role": role}]
        play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
        book.write_text(json.dumps([play]))
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,",
             "-c", "local", str(book)],
            env={**os.environ, "ANSIBLE_CONFIG": str(TREE / "ansible.cfg"),
                 "ANSIBLE_INVENTORY_ENABLED": "host_list", "HOME": str(self.folder)},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        print(done.stdout, done.stderr)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def closed(self) -> dict[str, str | None]:
        """Nodes that take no pods, and the reason of those that we closed."""
        return {
            name: node["metadata"].get("annotations", {}).get(CLOSED)
            for name, node in self.state.nodes.items()
            if node["spec"].get("unschedulable")
        }


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[Hooks]:
    state = State()
    for name in ("pi-1-1", "pi-1-2", "pi-2-1"):
        state.add_node(name)
    state.add_node("pi-1-3", closed=True)
    state.pods |= {"web-1": "pi-1-1", "web-2": "pi-1-2", "web-3": "pi-1-3", "web-4": "pi-2-1"}
    with ApiServer(state) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Hooks(tmp_path, server)
        server.shutdown()


BANK = ["pi-1-1", "pi-1-2", "pi-1-3", "pi-1-4"]


def test_a_bank_is_drained_and_given_back(hooks: Hooks) -> None:
    assert hooks.run("drain", BANK)[0] == 0
    assert hooks.closed() == {"pi-1-1": "new image", "pi-1-2": "new image", "pi-1-3": None}
    assert hooks.state.pods == {"web-4": "pi-2-1"}
    assert hooks.run("resume", BANK)[0] == 0
    assert hooks.closed() == {"pi-1-3": None}  # somebody else closed it
    before = list(hooks.state.asked)
    assert hooks.run("resume", BANK)[0] == 0
    assert hooks.run("drain", ["pi-9-9"])[0] == 0
    assert hooks.state.asked == before


def test_a_pod_that_may_not_go_leaves_the_bank_open(hooks: Hooks) -> None:
    hooks.state.protected.add("web-2")
    status, said = hooks.run("drain", BANK)
    assert status == 2
    assert "Kubernetes did not let go of pi-1-1, pi-1-2, pi-1-3, pi-1-4 in 4 s" in said
    assert "web-2" in said
    assert hooks.closed() == {"pi-1-3": None}
    assert "web-2" in hooks.state.pods


def test_nobody_to_ask_is_told(hooks: Hooks) -> None:
    status, said = hooks.run("drain", BANK, workload_kubernetes_control="")
    assert status == 2
    assert "name one in workload_kubernetes_control" in said
    assert hooks.state.asked == []


def test_a_server_that_does_not_answer_is_told(hooks: Hooks) -> None:
    kubectl = [str(KUBECTL), "--server=http://127.0.0.1:9"]
    status, said = hooks.run("drain", BANK, workload_kubernetes_kubectl=kubectl)
    assert status == 2
    assert "did not let go of pi-1-1, pi-1-2, pi-1-3, pi-1-4" in said
    assert "connection to the server 127.0.0.1:9 was refused" in said

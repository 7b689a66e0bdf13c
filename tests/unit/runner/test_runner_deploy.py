"""Deployments by a project whose playbook reports as roles/rollout does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picluster.errors import PiclusterError
from picluster.runner import End, Options, deploy, undeploy
from tests.conftest import MakeDescription
from tests.unit.runner.plays import project

REGISTRY = "bank,slot,mac\n1,1,b8:27:eb:00:01:01\n1,2,b8:27:eb:00:01:02\n"
ASKED = "{{ [workload, rollout_action, rollout_version | default('newest'), ansible_check_mode] }}"


def report(status: int) -> dict[str, Any]:
    lost = "unreachable" if status else "unchanged"
    return {
        "cluster": "small",
        "status": status,
        "banks": [{"bank": 1, "ok": 1, lost: 1}],
        "boards": [
            {"name": "pi-1-1", "bank": 1, "outcome": "ok", "reason": ""},
            {"name": "pi-1-2", "bank": 1, "outcome": lost, "reason": "silent" if status else ""},
        ],
        "asked": ASKED,
    }


@pytest.fixture
def run(
    description: MakeDescription, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Deploy with playbooks whose roll-out ends with a status."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    cluster = description(registry=REGISTRY)

    def call(*words: Any, status: int = 0, by: Any = deploy, **wishes: Any) -> Any:
        folder = tmp_path / "project"
        stats = {"data": {"picluster_deploy": report(status)}, "aggregate": False}
        roll = {"name": "Roll the workload out", "ansible.builtin.command": "false"}
        tasks = [
            {"name": "Hand the report over", "run_once": True, "ansible.builtin.set_stats": stats},
            {**roll, "run_once": True, "when": bool(status), "changed_when": False},
        ]
        for name in ("deploy.yml", "undeploy.yml"):
            project(folder, tasks, name)
        sources = [cluster, folder / "hosts.yml"]
        return by(sources, *words, options=Options(project=folder), **wishes)

    return call


def test_every_board_of_the_report_is_a_node(run: Callable[..., Any]) -> None:
    done = run("java_app")
    assert (done.action, done.end, done.status) == ("deploy", End.DONE, 0)
    assert {node.name: node.state for node in done.nodes} == {"pi-1-1": "ok", "pi-1-2": "unchanged"}
    assert done.report["asked"] == ["java_app", "deploy", "newest", False]


@pytest.mark.parametrize("action", ["undeploy", "rollback"])
def test_it_goes_back_and_off(run: Callable[..., Any], action: str) -> None:
    done = run("java_app", version="1.2", action=action, limit="one", check=True)
    assert done.end is End.DONE
    live = run("java_app", version="1.2", action=action)
    assert live.report["asked"] == ["java_app", action, "1.2", False]


def test_a_workload_is_taken_off(run: Callable[..., Any]) -> None:
    done = run("java_app", by=undeploy)
    assert (done.action, done.end) == ("undeploy", End.DONE)
    assert done.report["asked"] == ["java_app", "undeploy", "newest", False]
    assert {node.name for node in done.nodes} == {"pi-1-1", "pi-1-2"}
    short = run("java_app", by=undeploy, status=3)
    assert (short.action, short.end, short.plain()["action"]) == ("undeploy", End.SHORT, "undeploy")
    assert run("java_app", by=undeploy, limit="one", check=True).end is End.DONE
    with pytest.raises(PiclusterError, match="workload 'java app' is no name"):
        run("java app", by=undeploy)


def test_boards_that_are_lost_are_a_result(run: Callable[..., Any]) -> None:
    short = run("java_app", status=3)
    assert (short.end, short.status) == (End.SHORT, 3)
    assert short.node("pi-1-2").reason == "silent"
    assert [(bank.state, bank.good) for bank in short.banks] == [("short", 1)]


@pytest.mark.parametrize(
    ("words", "wishes", "said"),
    [
        (("java app",), {}, "workload 'java app' is no name"),
        (("$(reboot)",), {}, "is no name"),
        (("java_app\n",), {}, "is no name"),
        (("{{ x }}",), {}, "is no name"),
        ((7,), {}, "is no name"),
        (("java_app",), {"version": "1;reboot"}, "version '1;reboot' is no name"),
        (("java_app",), {"version": ""}, "version '' is no name"),
        (("java_app",), {"action": "install"}, "action is 'install'; give one of deploy"),
        (("java_app",), {"limit": "@x"}, "is no pattern of hosts"),
    ],
)
def test_what_is_refused(
    run: Callable[..., Any], words: tuple[Any, ...], wishes: dict[str, Any], said: str
) -> None:
    with pytest.raises(PiclusterError) as refused:
        run(*words, **wishes)
    assert said in str(refused.value)

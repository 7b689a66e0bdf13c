"""A playbook run by ansible-runner for real, on this machine."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from picluster.runner import find_project, run_playbook

SECRET = "a-word-nobody-may-find"
HOSTS = {
    "all": {
        "hosts": {"one": None, "two": None},
        "vars": {"ansible_python_interpreter": sys.executable},
    }
}


def project(folder: Path, tasks: list[dict[str, object]]) -> Path:
    (folder / "playbooks").mkdir(parents=True)
    (folder / "ansible.cfg").write_text("[defaults]\ninventory = none\n")
    play = [{"hosts": "all", "gather_facts": False, "connection": "local", "tasks": tasks}]
    (folder / "playbooks" / "play.yml").write_text(json.dumps(play))
    (folder / "hosts.yml").write_text(json.dumps(HOSTS))
    return folder


def test_results_of_every_host_come_back_and_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    tasks = [
        {"name": "Say", "ansible.builtin.debug": {"msg": "{{ word }} {{ inventory_hostname }}"}}
    ]
    folder = project(tmp_path / "project", tasks)
    seen: list[str] = []
    run = run_playbook(
        folder,
        "playbooks/play.yml",
        [folder / "hosts.yml"],
        variables={"word": SECRET},
        watch=seen.append,
    )
    assert run.status == 0
    assert {r.host: r.data["msg"] for r in run.of("Say")} == {
        "one": f"{SECRET} one",
        "two": f"{SECRET} two",
    }
    assert seen == ["Say"]
    run.check("the play")
    assert list(place.rglob("*")) == [], "artefacts, with the extra variables in them"


def test_a_failure_names_host_and_reason(tmp_path: Path) -> None:
    tasks: list[dict[str, object]] = [
        {
            "name": "Fail",
            "ansible.builtin.fail": {"msg": "the disk is full"},
            "when": "inventory_hostname == 'two'",
        }
    ]
    folder = project(tmp_path, tasks)
    run = run_playbook(folder, "playbooks/play.yml", [folder / "hosts.yml"])
    assert run.status == 2
    with pytest.raises(PiclusterError, match=r"the play failed: two: the disk is full"):
        run.check("the play")


def test_a_check_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "made"
    tasks: list[dict[str, object]] = [
        {"name": "Make", "ansible.builtin.copy": {"dest": str(target), "content": "x"}}
    ]
    folder = project(tmp_path / "project", tasks)
    run = run_playbook(folder, "playbooks/play.yml", [folder / "hosts.yml"], check=True)
    assert run.status == 0, run.reasons()
    assert not target.exists()


def test_the_project_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project(tmp_path / "project", [])
    inside = folder / "inventory" / "mini"
    inside.mkdir(parents=True)
    assert find_project(inside, {}) == folder
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert find_project(elsewhere, {"PICLUSTER_PROJECT": str(folder)}) == folder
    with pytest.raises(PiclusterError, match="PICLUSTER_PROJECT"):
        find_project(elsewhere, {})
    with pytest.raises(PiclusterError, match="names no folder"):
        find_project(inside, {"PICLUSTER_PROJECT": str(elsewhere)})
    monkeypatch.chdir(folder)
    assert find_project(
        elsewhere, {k: v for k, v in os.environ.items() if k != "PICLUSTER_PROJECT"}
    )

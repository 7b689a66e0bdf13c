"""The way to boot servers: as the user says, as the inventory says, by ssh without both."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pytest

from picluster.cli import reach
from picluster.cli.reach import add_reach, reach_of_options
from picluster.cluster.load import find_description
from picluster.errors import PiclusterError
from picluster.plan.read import read_plan


@pytest.fixture
def inventory(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(repository)
    target = tmp_path / "mini"
    shutil.copytree(repository / "inventory" / "mini", target)
    return target


def ask(inventory: Path, *words: str) -> dict[str, list[str]]:
    parser = argparse.ArgumentParser()
    add_reach(parser)
    options = parser.parse_args(words)
    options.inventory = inventory
    return reach_of_options(options, read_plan(find_description(inventory)))


def connect(inventory: Path, **variables: object) -> None:
    lines = "".join(f"      {name}: {value}\n" for name, value in variables.items())
    (inventory / "hosts.yml").write_text(f"---\nall:\n  hosts:\n    mini-head:\n{lines}")


def test_the_inventorys_connection_is_taken(inventory: Path) -> None:
    connect(inventory, ansible_connection="ssh", ansible_host="10.9.9.9", ansible_user="admin",
            ansible_port=2222, ansible_become=True)  # fmt: skip
    words = ask(inventory)["mini-head"]
    assert words[0] == "ssh"
    assert words[words.index("-p") + 1] == "2222"
    assert words[words.index("-l") + 1] == "admin"
    assert words[-3:] == ["10.9.9.9", "sudo", "-n"]


def test_a_server_that_a_container_plays(inventory: Path) -> None:
    connect(inventory, ansible_connection="containers.podman.podman", ansible_host="mini-1")
    assert ask(inventory)["mini-head"][-1] == "mini-1"


def test_what_the_user_says_is_taken_and_ansible_is_not_asked(
    inventory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "run_playbook", lambda *_: pytest.fail("it was asked"))
    assert ask(inventory, "--via", "mini-head=ssh -p 7 root@head") == {
        "mini-head": ["ssh", "-p", "7", "root@head"]
    }


def test_a_connection_without_words_is_refused(inventory: Path) -> None:
    connect(inventory, ansible_connection="ansible.builtin.winrm")
    with pytest.raises(PiclusterError, match="mini-head"):
        ask(inventory)


def test_no_project_no_question(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inventory)
    assert ask(inventory) == {}


def test_words_without_a_server_are_refused(inventory: Path) -> None:
    with pytest.raises(PiclusterError, match="not SERVER=COMMAND"):
        ask(inventory, "--via", "nonsense")

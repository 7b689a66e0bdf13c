"""The way to boot servers, resolved by Ansible from inventory, keywords and configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from picluster.campaign.live.reach import SSH
from tests.conftest import REPOSITORY
from twin.head import reach
from twin.head.places import Places

pytestmark = pytest.mark.timeout(120)


def play(folder: Path, hosts: dict[str, Any], *words: str, **options: Any) -> tuple[int, Any]:
    """The exit status of a play with this one task, and the task's result."""
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    task = {"name": "Reach", "picluster_reach": {"servers": list(hosts), **options}}
    book = [{"hosts": next(iter(hosts)), "gather_facts": False, "tasks": [task]}]
    (folder / "book.yml").write_text(yaml.safe_dump(book))
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    ran = subprocess.run(
        [program, "-i", folder / "hosts.yml", folder / "book.yml", *words],
        capture_output=True, check=False, cwd=REPOSITORY, env=environment, text=True,
    )  # fmt: skip
    assert ran.stdout.startswith("{"), ran.stdout + ran.stderr
    (result,) = json.loads(ran.stdout)["plays"][0]["tasks"][0]["hosts"].values()
    return ran.returncode, result


def test_each_server_by_its_own_connection(tmp_path: Path) -> None:
    hosts = {
        "here": {"ansible_connection": "local"},
        "there": {
            "ansible_host": "{{ prefix }}.5",
            "prefix": "10.0.0",
            "ansible_user": "me",
            "ansible_port": 2222,
            "ansible_become": True,
        },
        "box": {"ansible_connection": "containers.podman.podman", "ansible_host": "cage"},
        "told": {"ansible_connection": "winrm"},
    }
    status, result = play(tmp_path, hosts, "--private-key", "/k", given={"told": "ssh x"})
    assert (status, result["changed"]) == (0, False), result
    found = result["reach"]
    assert found["here"] == []
    start = [*SSH, "-p", "2222", "-i", "/k", "-l", "me"]
    assert found["there"][: len(start)] == start
    assert found["there"][-3:] == ["10.0.0.5", "sudo", "-n"]
    # of ansible.cfg
    assert "PreferredAuthentications=publickey" in found["there"]
    assert found["box"] == ["podman", "exec", "-i", "cage"]
    assert found["told"] == ["ssh", "x"]


def test_a_head_of_the_twin(tmp_path: Path) -> None:
    places = Places("reach-test")
    status, result = play(tmp_path, {"mini-head": reach.variables(places)})
    assert status == 0, result
    words = result["reach"]["mini-head"]
    assert words[: len(SSH)] == list(SSH)
    assert words[-1] == places.container
    at = words.index(f"ProxyCommand=podman exec -i {places.container} /usr/sbin/sshd -i")
    assert words[at - 1] == "-o"
    assert words[words.index("-i") + 1] == str(places.key)


@pytest.mark.parametrize(
    ("hosts", "options", "said"),
    [
        ({"head": {"ansible_connection": "winrm"}}, {}, "head is reached by connection"),
        ({"head": {}}, {"servers": ["other"]}, "no host is called 'other'"),
        ({"head": {}}, {"servers": "head"}, "servers is a list"),
        (
            {"head": {"ansible_become": True, "ansible_become_method": "su"}},
            {},
            "head wants become method 'su'",
        ),
    ],
)
def test_refusals(tmp_path: Path, hosts: dict[str, Any], options: Any, said: str) -> None:
    status, result = play(tmp_path, hosts, **options)
    assert status == 2
    assert said in result["msg"]

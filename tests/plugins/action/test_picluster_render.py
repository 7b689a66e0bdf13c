import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from picluster.plan.read import read_plan
from picluster.render.configuration import render
from tests.conftest import MakeDescription

pytestmark = pytest.mark.timeout(120)


@dataclass
class Play:
    """Runs one task with the plugin against this machine."""

    repository: Path
    folder: Path

    def run(self, *words: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """The exit status and the task's result."""
        task = {"name": "Render", "picluster_render": options}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
        book = self.folder / "book.yml"
        book.write_text(yaml.safe_dump([play]))
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(self.repository / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "remote"),
        }
        ran = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", book, *words,
             "-e", f"ansible_python_interpreter={sys.executable}"],
            capture_output=True, check=False, cwd=self.repository, env=environment, text=True,
        )  # fmt: skip
        assert ran.stdout.startswith("{"), ran.stdout + ran.stderr
        result = json.loads(ran.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]
        return ran.returncode, result


@pytest.fixture
def play(repository: Path, tmp_path: Path) -> Play:
    return Play(repository, tmp_path)


@pytest.fixture
def small(description: MakeDescription) -> Path:
    return description(registry="bank,slot,mac\n1,1,b8:27:eb:00:00:01\n")


def test_created_then_unchanged(play: Play, small: Path, tmp_path: Path) -> None:
    dest = tmp_path / "dhcpd.conf"
    options = {"kind": "dhcp", "description": str(small), "dest": str(dest), "mode": "0640"}
    status, result = play.run("--check", "--diff", **options)
    assert (status, result["changed"], dest.exists()) == (0, True, False)
    assert "host pi-1-1" in json.dumps(result["diff"])
    status, result = play.run(**options)
    assert (status, result["changed"]) == (0, True)
    assert dest.read_text() == render(read_plan(small), "dhcp")
    assert dest.stat().st_mode & 0o777 == 0o640
    status, result = play.run(**options)
    assert (status, result["changed"], result["dest"]) == (0, False, str(dest))


def test_a_configuration_that_does_not_validate_leaves_the_old_one(
    play: Play, small: Path, tmp_path: Path
) -> None:
    dest = tmp_path / "exports"
    dest.write_text("old\n")
    status, result = play.run(
        kind="exports", description=str(small), dest=str(dest), validate="/bin/false %s"
    )
    assert (status, result["failed"], dest.read_text()) == (2, True, "old\n")
    assert "failed to validate" in result["msg"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "nonsense"}, "no configuration 'nonsense'"),
        ({"server": "other"}, "no boot server 'other'; there are: small-head"),
        ({"dest": ""}, "dest is not given"),
    ],
)
def test_refusals_write_nothing(
    play: Play, small: Path, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    dest = tmp_path / "out"
    options = {"kind": "dhcp", "description": str(small), "dest": str(dest), **changes}
    status, result = play.run(**options)
    assert (status, result["failed"], dest.exists()) == (2, True, False)
    assert said in result["msg"]


def test_a_refused_plan_keeps_the_file(play: Play, small: Path, tmp_path: Path) -> None:
    (tmp_path / "macs.csv").write_text("bank,slot,mac\n1,9,b8:27:eb:00:00:01\n")
    dest = tmp_path / "dhcpd.conf"
    dest.write_text("old\n")
    status, result = play.run(kind="dhcp", description=str(small), dest=str(dest))
    assert (status, result["failed"], dest.read_text()) == (2, True, "old\n")
    assert "slot 9 of bank 1, which has slots 1 to 4" in result["msg"]

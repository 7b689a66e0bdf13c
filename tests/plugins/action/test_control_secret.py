"""A secret is made once on the control node, and is never shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY


@dataclass
class Making:
    """A play with the role, for a host that cannot be reached."""

    folder: Path

    @property
    def place(self) -> Path:
        return self.folder / "state" / "picluster" / "small" / "secrets"

    def run(self, *words: str, **variables: Any) -> tuple[int, str, dict[str, Any]]:
        """Status, everything it printed, and the statistics of the host."""
        play = {"hosts": "far", "gather_facts": False, "roles": ["control_secret"],
                "vars": {"picluster_cluster": "small", "control_secret_name": "token",
                         **variables}}  # fmt: skip
        book = self.folder / "play.yml"
        book.write_text(json.dumps([play]))
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "far,", "-vvv",
             "--diff", str(book), *words],
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
                "ANSIBLE_INVENTORY_ENABLED": "host_list",
                "XDG_STATE_HOME": str(self.folder / "state"),
            },
            capture_output=True, text=True, check=False, timeout=120, umask=0o022,
        )  # fmt: skip
        text = done.stdout + done.stderr
        found = json.loads(done.stdout[done.stdout.index("{\n") :])
        return done.returncode, text, found["stats"].get("far", {})


@pytest.fixture
def making(tmp_path: Path) -> Making:
    return Making(tmp_path)


def test_it_is_made_once_and_never_shown(making: Making) -> None:
    status, _, stats = making.run("--check")
    assert (status, stats["changed"], making.place.exists()) == (0, 1, False)
    status, said, stats = making.run()
    assert (status, stats["changed"]) == (0, 1)
    file = making.place / "token"
    secret = file.read_text()
    assert len(bytes.fromhex(secret)) == 32
    assert (making.place.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert secret not in said
    for words in (["--check"], []):
        status, said, stats = making.run(*words)
        assert (status, stats["changed"], file.read_text()) == (0, 0, secret)
        assert secret not in said
    assert list(making.place.iterdir()) == [file]
    assert making.run(control_secret_name="key", control_secret_format="bytes",
                      control_secret_bytes=1024)[0] == 0  # fmt: skip
    assert len((making.place / "key").read_bytes()) == 1024
    assert (making.place / "key").read_bytes() != bytes(1024)


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"control_secret_name": ""}, "control_secret_name () is no name"),
        ({"control_secret_name": "../x"}, "control_secret_name (../x) is no name"),
        ({"control_secret_path": "x/y"}, "path 'x/y' does not begin with /"),
        ({"control_secret_bytes": 8}, "bytes '8': from 16 to 1024"),
        ({"control_secret_format": "base64"}, "value of control_secret_format must be one of"),
    ],
)
def test_what_is_no_secret_is_refused(making: Making, variables: dict[str, Any], why: str) -> None:
    status, said, _ = making.run(**variables)
    assert status == 2
    assert why in said
    assert not making.place.exists()


def test_one_that_others_may_read_is_refused(making: Making) -> None:
    making.run()
    (making.place / "token").chmod(0o644)
    status, said, _ = making.run()
    assert status == 2
    assert "the secret may be read or written by others: its mode is 0644" in said

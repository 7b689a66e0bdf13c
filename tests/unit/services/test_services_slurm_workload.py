"""The workload ``slurm``: whether its node is well, and how it is closed for a drain."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

FILES = REPOSITORY / "roles" / "workload_slurm" / "files" / "workload"
#: Shows what is in the file ``node``, or fails as scontrol does; writes down what it is told.
SCONTROL = """#!/bin/sh
here=${0%/*}
case $1 in
    update) echo "$*" >> "$here/told" ;;
    *)
        cat "$here/node" 2> /dev/null && exit
        echo "Unable to contact slurm controller" >&2
        exit 1
        ;;
esac
"""


class Node:
    """A node whose ``scontrol`` and ``squeue`` are programs of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("scontrol", SCONTROL), ("squeue", "#!/bin/sh\n")):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def shows(self, state: str, reason: str = "") -> None:
        """What the controller says of it."""
        why = f" Reason={reason} [root@2026-01-05T11:00:00]" if reason else ""
        (self.folder / "node").write_text(f"NodeName=pi-1-1 State={state} Weight=1{why}\n")

    def run(self, program: str) -> tuple[int, str]:
        """Status and output of ``check`` or ``drain``."""
        own = {"NODE": "pi-1-1", "DATA": str(self.folder), "CONTROLLER": "head", "DRAIN_S": "1"}
        path = f"{self.folder}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", str(FILES / program)], env={**os.environ, **own, "PATH": path},
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        return done.returncode, done.stdout.strip()

    def told(self) -> str:
        """What the controller was told."""
        path = self.folder / "told"
        return path.read_text().strip() if path.exists() else ""


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_controller_that_is_away_ends_no_job(node: Node) -> None:
    away = "Unable to contact slurm controller"
    assert node.run("check") == (1, away)
    node.shows("IDLE*")
    assert node.run("check") == (1, "the controller at head says IDLE*")
    node.shows("ALLOCATED")
    assert node.run("check") == (0, "")
    (node.folder / "node").unlink()
    assert node.run("check") == (0, "")


def test_a_node_that_a_roll_out_has_left_closed_is_opened(node: Node) -> None:
    node.shows("IDLE+DRAIN", "picluster-rollout")
    assert node.run("check") == (1, "the controller at head says IDLE+DRAIN, picluster-rollout")
    assert node.told() == "update NodeName=pi-1-1 State=RESUME"
    node.shows("IDLE+DRAIN", "burnt")
    assert node.run("check") == (0, "")
    assert node.told().count("\n") == 0


def test_a_drain_takes_nobody_s_reason_away(node: Node) -> None:
    node.shows("IDLE+DRAIN", "burnt")
    assert node.run("drain") == (0, "")
    assert node.told() == ""
    node.shows("MIXED")
    assert node.run("drain") == (0, "")
    assert node.told() == "update NodeName=pi-1-1 State=DRAIN Reason=picluster-rollout"
    (node.folder / "node").unlink()
    assert node.run("drain")[0] == 1

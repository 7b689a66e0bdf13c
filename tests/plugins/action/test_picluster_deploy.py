"""The role ``rollout``, run by ansible-playbook against a boot server that is a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY, MakeDescription
from tests.unit.rollout.served import Place

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def place(tmp_path: Path, description: MakeDescription) -> Place:
    return Place(tmp_path, description)


def play(place: Place, *words: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run the role."""
    book = place.folder / "play.yml"
    roles = [{"role": "rollout"}]
    hosts = {"hosts": "pi", "gather_facts": False, "run_once": True, "roles": roles}
    book.write_text(json.dumps([hosts]))
    given = {
        "workload": "example",
        "rollout_reach": {"small-head": list(place.server.reach.prefix)},
        "rollout_journal": str(place.folder / "journal.db"),
        "rollout_report": str(place.folder / "report.json"),
        "rollout_answer_s": 3,
        **variables,
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    return subprocess.run(
        [program, "-i", str(place.path), "-e", json.dumps(given), str(book), *words],
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_ROLES_PATH": str(REPOSITORY / "roles"),
            "ANSIBLE_SHOW_CUSTOM_STATS": "1",
            "COLUMNS": "200",
        },
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip


def test_a_play_rolls_out_and_hands_its_report_over(place: Place) -> None:
    checked = play(place, "--check", "--diff")
    assert checked.returncode == 0, checked.stdout
    assert "+example 1: 4 boards would change, batch by batch" in checked.stdout
    assert place.assigned(1) == []
    with place.boards():
        done = play(place, "--limit", "bank_1")
    assert done.returncode == 0, done.stdout + done.stderr
    # told while it happens, before the task's result
    assert done.stdout.index("bank 1, canary: 1 ok") < done.stdout.index("changed: [")
    stats = done.stdout.partition("CUSTOM STATS")[2]
    assert "picluster_deploy:" in stats
    report = json.loads((place.folder / "report.json").read_text())
    assert (report["counts"]["ok"], report["banks"][0]["bank"]) == (2, 1)
    assert place.assigned(2) == []


def test_a_play_that_is_stopped_fails_after_its_report(place: Place) -> None:
    with place.boards("pi-1-1"):
        done = play(place)
    assert done.returncode == 2
    said = " ".join(done.stdout.split())
    assert "bank 1, canary lost 1 of 1 boards, 3 are allowed" in said
    assert "pi-1-1 unreachable no answer in 3 s" in said
    report = json.loads((place.folder / "report.json").read_text())
    assert report["counts"]["untouched"] == 3
    assert "picluster_deploy:" in done.stdout.partition("CUSTOM STATS")[2]


def test_a_report_that_cannot_be_written_is_handed_over_all_the_same(place: Place) -> None:
    (place.folder / "file").write_text("")
    with place.boards():
        done = play(place, rollout_report=str(place.folder / "file" / "report.json"))
    assert done.returncode == 2
    said = " ".join(done.stdout.split())
    assert "cannot make the folder of the report" in said
    assert "refused" not in said
    assert "deploy example 1: 4 ok" in said
    assert "picluster_deploy:" in done.stdout.partition("CUSTOM STATS")[2]


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"workload": "a;reboot"}, "is no name of a workload"),
        ({"rollout_version": "7"}, "example 7 is missing on boot server small-head"),
        ({"rollout_board_mib": 200}, "needs 16 MiB of memory, and a board has 8 MiB"),
    ],
)
def test_a_play_is_refused_before_the_first_batch(
    place: Place, variables: dict[str, Any], why: str
) -> None:
    done = play(place, **variables)
    assert done.returncode == 2
    assert why in " ".join(done.stdout.split())
    assert place.assigned(1) == []
    assert not (place.folder / "report.json").exists()

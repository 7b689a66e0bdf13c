"""playbooks/run.yml; the boot server is a program, boards are this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from picluster.rolling.command import Answer, Limits
from picluster.runner import boards
from picluster.runner.boards import Asked, ask_boards
from picluster.runner.drive import Ended, drive
from tests.conftest import REPOSITORY, MakeDescription
from tests.unit.rolling.rebooted import NAMES, Place

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(name="asked")
def asked_of(
    tmp_path: Path, description: MakeDescription, monkeypatch: pytest.MonkeyPatch
) -> Asked:
    monkeypatch.setenv("ANSIBLE_LOCAL_TEMP", str(tmp_path / "local"))
    monkeypatch.setenv("PICLUSTER_PROJECT", str(REPOSITORY))
    place = Place(tmp_path, description)
    way = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    reach = {"small-head": list(place.server.reach.prefix)}
    hosts = {"hosts": dict.fromkeys((*NAMES, "small-head", "localhost"), way)}
    hosts["vars"] = {"board_command_reach": reach}
    (tmp_path / "way.yml").write_text(json.dumps({"all": hosts}))
    # the task ends after 5 s
    return Asked(
        [place.path, tmp_path / "way.yml"], None, Limits(seconds=0.5), -6, place.journal
    )  # fmt: skip


def test_a_board_that_hangs_takes_no_answer_of_the_others_away(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Answer] = []
    ended: list[Ended] = []
    monkeypatch.setattr(boards, "drive", lambda *words: ended.append(drive(*words)))
    hang = f"mkdir {tmp_path}/first 2> /dev/null && sleep 20 & echo up"
    assert ask_boards(hang, asked, answers.append) == {}
    assert {answer.board for answer in answers} == set(NAMES)
    assert [answer.text for answer in answers if answer.status == 0] == ["up\n"] * 3
    (lost,) = (answer for answer in answers if answer.status is None)
    assert "Timed out after 5 second" in lost.why
    assert ended[0].status == 0


def test_boards_that_were_not_asked_are_counted(asked: Asked, tmp_path: Path) -> None:
    way = json.loads((tmp_path / "way.yml").read_text())
    way["all"]["hosts"]["pi-1-1"] = {**way["all"]["hosts"]["pi-1-1"], "ansible_connection": "none"}
    (tmp_path / "way.yml").write_text(json.dumps(way))
    answers: list[Answer] = []
    with pytest.raises(PiclusterError, match="broke off"):
        ask_boards("true", asked, answers.append)

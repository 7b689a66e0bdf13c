"""A whole roll-out; the boot server is a program, and boards are lines of its log."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from served import Place

from picluster.campaign.journal.lock import CAMPAIGN, Lock, lock_path
from picluster.cli import main
from picluster.errors import PiclusterError
from picluster.rollout.live.rollout import LiveRollout
from tests.conftest import MakeDescription
from tests.unit.campaign.head_servers import until


@pytest.fixture
def place(tmp_path: Path, description: MakeDescription) -> Place:
    return Place(tmp_path, description)


def test_a_whole_roll_out(place: Place) -> None:
    said: list[str] = []
    with place.boards("pi-2-2"):
        report = LiveRollout(place.plan, place.options(), said.append).run()
    outcomes = {one.name: one.outcome.value for one in report.boards}
    assert outcomes == {
        "pi-1-1": "ok", "pi-1-2": "ok", "pi-2-1": "ok", "pi-2-2": "unreachable",
    }  # fmt: skip
    assert (report.status, report.stopped) == (3, "")
    assert [line.split(" ")[0] for line in place.assigned(2)] == ["pi-2-1", "pi-2-2"]
    assert said[0] == "bank 1, canary: 1 ok"
    assert (place.store / "artefacts/example/wanted").read_text() == "1 -\n"


def test_a_check_changes_nothing(place: Place) -> None:
    found = LiveRollout(place.plan, place.options(nodes=("pi-2-1", "pi-1-2"))).prepare()
    assert found.lines() == [
        "example 1: 2 boards would change, batch by batch",
        "bank 1: 1 change, 0 unchanged",
        "bank 2: 1 change, 0 unchanged",
    ]
    assert (place.assigned(1), (place.store / "artefacts/example/wanted").exists()) == ([], False)


def test_a_campaign_that_runs_keeps_roll_outs_out(place: Place) -> None:
    rollout = LiveRollout(place.plan, place.options())
    with Lock(lock_path(place.folder / "journal.db"), CAMPAIGN):
        for start in (rollout.run, rollout.prepare):
            with pytest.raises(PiclusterError, match="a campaign is running already"):
                start()
    assert place.assigned(1) == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"nodes": ("pi-9-9",)}, "no node is called pi-9-9"),
        ({"version": "1;reboot"}, "is no version"),
        ({"budget": -1}, "budget -1 is negative"),
    ],
)
def test_what_means_nothing_is_refused(place: Place, more: dict[str, object], why: str) -> None:
    with pytest.raises(PiclusterError, match=why):
        LiveRollout(place.plan, place.options(**more))


def test_the_command_tells_and_ends_with_the_report_s_status(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-i", str(place.path), "--journal", str(place.folder / "journal.db")]
    via = " ".join(place.server.reach.prefix)
    words += ["--via", f"small-head={via}", "--report", str(place.folder / "report.json")]
    with place.boards():
        assert main(["deploy", "example", *words, "--limit", "bank_1,pi-2-1"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["bank", "boards", "ok"]
    assert "deploy example 1: 3 ok; " in out
    report = json.loads((place.folder / "report.json").read_text())
    assert (report["status"], report["counts"]["ok"], report["version"]) == (0, 3, "1")
    assert main(["deploy", "nothing", *words]) == 1
    assert "no boot server has a workload nothing" in capsys.readouterr().err
    assert main(["deploy", "example", "--limit", "bank_7", *words]) == 1


def test_a_report_that_cannot_be_written_is_told_all_the_same(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    (place.folder / "file").write_text("")
    words = ["-i", str(place.path), "--journal", str(place.folder / "journal.db")]
    words += ["--via", f"small-head={' '.join(place.server.reach.prefix)}"]
    words += ["--report", str(place.folder / "file" / "report.json")]
    with place.boards():
        assert main(["deploy", "example", *words]) == 3
    said = capsys.readouterr()
    assert "deploy example 1: 4 ok; " in said.out
    assert "picluster: " in said.err
    assert "cannot make the folder of the report" in said.err


def test_a_command_that_is_interrupted_says_who_was_told(place: Place) -> None:
    report = place.folder / "report.json"
    words = ["-i", str(place.path), "--journal", str(place.folder / "journal.db")]
    words += ["--via", f"small-head={' '.join(place.server.reach.prefix)}"]
    first = subprocess.Popen(
        [sys.executable, "-m", "picluster", "deploy", "example", *words, "--report", str(report),
         "--answer-s", "300"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: place.assigned(1))
        assert main(["deploy", "example", *words]) == 1  # one at a time
        first.send_signal(signal.SIGINT)
        assert first.wait(20) == 130
    finally:
        first.kill()
    found = {one["name"]: one["outcome"] for one in json.loads(report.read_text())["boards"]}
    assert found == {"pi-1-1": "open", **dict.fromkeys(("pi-1-2", "pi-2-1", "pi-2-2"), "untouched")}
    assert [line.split()[0] for line in place.assigned(1)] == ["pi-1-1"]
    # what was told goes on, and the next roll-out takes it up
    with place.boards():
        assert main(["deploy", "example", *words]) == 0


def test_a_server_that_goes_away_in_between_is_said(place: Place) -> None:
    with place.boards():
        rollout = LiveRollout(place.plan, place.options(), lambda text: _break(place, text))
        report = rollout.run()
    assert report.counts["untouched"] + report.counts["unreachable"] == 2
    assert "bank 2" in report.stopped
    assert report.status == 3


def _break(place: Place, text: str) -> None:
    """The first bank is done: the place for what is assigned goes away."""
    if text.startswith("bank 1: "):
        time.sleep(0.2)
        shutil.move(place.store / "assigned", place.folder / "gone")

"""The steps of a reboot; the boot server is a program, and boards are files and lines there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rebooted import NAMES, NEW, Place

from picluster.campaign.journal.lock import CAMPAIGN, Lock, LockedError, lock_path, refuse_running
from picluster.errors import PiclusterError
from picluster.rolling.live import cycle
from picluster.rolling.live.cycle import Cycled
from picluster.rolling.live.keeper import hold, release
from picluster.rolling.live.reboot import Begun
from picluster.rolling.options import GO_ON, Options
from picluster.rolling.record import record_path
from tests.conftest import MakeDescription
from tests.unit.campaign.head_servers import until


@pytest.fixture
def place(tmp_path: Path, description: MakeDescription) -> Iterator[Place]:
    found = Place(tmp_path, description)
    yield found
    found.end()


def test_a_whole_reboot(place: Place) -> None:
    options = Options(("slurm", "k8s"), back_s=5)
    found = place.reboot().start(options, NAMES, os.getpid())
    assert found.lines() == [
        "4 boards would reboot, bank by bank, drained by slurm, k8s",
        "bank 2: 2 from one to two",
        "bank 1: 2 from one to two",
    ]
    assert place.reboot().begin(NAMES[2:]) == Begun(True, NAMES[2:], ("slurm", "k8s"))
    going = place.reboot().report()
    assert (going.status, going.drained) == (130, NAMES[2:])
    assert place.outcomes() == ["open", "open", "untouched", "untouched"]
    place.runs("pi-2-1", "two", NEW)
    place.runs("pi-2-2", "two", NEW)
    resumes = place.reboot().finish({})
    assert resumes == [("k8s", ["pi-2-1", "pi-2-2"]), ("slurm", ["pi-2-1", "pi-2-2"])]
    place.reboot().resumed(resumes)
    assert place.outcomes() == ["ok", "ok", "untouched", "untouched"]
    # one runs the image already when its turn comes, one comes back with another one
    place.runs("pi-1-1", "two", NEW)
    assert place.reboot().begin(NAMES[:2]).ask == ("pi-1-2",)
    place.runs("pi-1-2", "one", NEW)
    assert place.reboot().finish({}) == []
    report = place.reboot().end()
    assert {one.name: (one.outcome.value, one.reason) for one in report.boards[2:]} == {
        "pi-1-1": ("unchanged", ""),
        "pi-1-2": ("failed", "came back with one, its bank is pointed at two"),
    }
    assert (report.status, report.drained, report.stopped) == (3, ("pi-1-2",), "")


def test_what_was_drained_is_resumed_by_the_next_run(place: Place) -> None:
    place.reboot().start(Options(("slurm",)), NAMES, os.getpid())
    place.reboot().begin(NAMES[2:])
    # the playbook is killed; the boards reboot all the same
    release(json.loads(record_path(place.journal).read_text())["keeper"])
    place.runs("pi-2-1", "two", NEW)
    place.runs("pi-2-2", "two", NEW)
    assert place.reboot().hooks == {"slurm"}
    found = place.reboot().start(Options(), NAMES[2:], os.getpid())
    assert found.lines()[1] == "bank 2: 2 unchanged, 2 to resume"
    assert place.reboot().begin(NAMES[2:]) == Begun(go=True)
    assert place.reboot().finish({}) == [("slurm", ["pi-2-1", "pi-2-2"])]
    place.reboot().unresumed("slurmctld is away")
    assert (place.reboot().report().status, place.reboot().report().drained) == (3, NAMES[2:])
    place.reboot().resumed([("slurm", NAMES[2:])])
    report = place.reboot().end()
    assert (report.drained, report.stopped) == (
        (),
        "boards could not be resumed: slurmctld is away",
    )


def test_a_drain_that_fails(place: Place) -> None:
    place.reboot().start(Options(("slurm",), drain_failed=GO_ON), NAMES, os.getpid())
    place.reboot().begin(NAMES[2:])
    place.reboot().undrained("job 7 does not end")
    resumes = place.reboot().finish({})
    assert resumes == [("slurm", ["pi-2-1", "pi-2-2"])]
    place.reboot().resumed(resumes)
    assert place.reboot().begin(NAMES[:2]).go
    place.reboot().undrained("job 8 does not end")
    place.reboot().finish({})
    report = place.reboot().end()
    assert (report.counts["undrained"], report.status, report.stopped) == (4, 3, "")
    assert report.boards[0].reason == "not drained: job 7 does not end"
    place.reboot().start(Options(("slurm",)), NAMES, os.getpid())
    place.reboot().begin(NAMES[2:])
    place.reboot().undrained("again")
    place.reboot().finish({})
    assert place.reboot().begin(NAMES[:2]) == Begun(go=False)


@pytest.mark.parametrize("go_on", [True, False])
def test_a_batch_of_which_no_host_is_left_stops_it(place: Place, *, go_on: bool) -> None:
    options = Options(("slurm",), drain_failed=GO_ON)
    place.reboot().start(options, NAMES, os.getpid())
    place.reboot().begin(NAMES[2:])
    # neither the drain nor its rescue came to an end
    if go_on:
        assert place.reboot().begin(NAMES[:2]) == Begun(go=False)
        assert place.said[-1] == "stopped: bank 2: its drain was not finished"
    report = place.reboot().end()
    assert [one.outcome.value for one in report.boards] == [*["undrained"] * 2, *["untouched"] * 2]
    assert report.boards[0].reason == "its drain was not finished"
    assert (report.status, report.drained) == (3, NAMES[2:])
    assert report.stopped == "bank 2: its drain was not finished"


def test_a_resume_of_which_no_host_is_left_stops_it(place: Place) -> None:
    place.reboot().start(Options(("slurm",), back_s=5), NAMES, os.getpid())
    place.reboot().begin(NAMES[2:])
    for name in NAMES[2:]:
        place.runs(name, "two", NEW)
    assert place.reboot().finish({}) == [("slurm", ["pi-2-1", "pi-2-2"])]
    assert place.reboot().begin(NAMES[:2]) == Begun(go=False)
    report = place.reboot().end()
    assert (report.status, report.drained) == (3, NAMES[2:])
    assert report.stopped == "boards could not be resumed: it was not finished"


def test_reasons_of_others_are_one_harmless_line(place: Place) -> None:
    place.reboot().start(Options(("slurm",), budget=2), NAMES, os.getpid())
    place.reboot().begin(NAMES[2:])
    place.reboot().finish(dict.fromkeys(NAMES[2:], f"no\r\n\x1b[2J{'x' * 400}"))
    place.reboot().unresumed("away\n\x1b[2J")
    report = place.reboot().end()
    assert report.boards[0].reason == f"could not be asked: no \\x1b[2J{'x' * 292}…"
    assert report.notices == ("not resumed: away \\x1b[2J",)
    place.reboot().start(Options(("slurm",)), NAMES, os.getpid())
    place.reboot().begin(NAMES[2:])
    place.reboot().undrained("job\n\x1b[2J")
    assert place.said[-1].endswith("no board of it reboots: job \\x1b[2J")
    assert place.reboot().end().boards[0].reason == "not drained: job \\x1b[2J"


@pytest.mark.parametrize(
    ("names", "given", "settings"),
    [
        (NAMES[2:], {}, {"settle_s": 5.0}),
        (NAMES[2:3], {}, {}),  # the other board is at work, and may say nothing for a minute
        (NAMES[2:3], {"settle_s": 7}, {"settle_s": 7}),
    ],
)
def test_a_campaign_hears_boards_that_were_not_asked(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
    given: dict[str, object],
    settings: dict[str, object],
) -> None:
    taken: list[dict[str, object]] = []

    def campaign(_plan: object, _desk: object, _options: object, found: dict[str, object],
                 *_: object) -> Cycled:  # fmt: skip
        taken.append(found)
        return Cycled(down={})

    monkeypatch.setattr(cycle, "campaign", campaign)
    monkeypatch.setattr(cycle, "sharing", lambda _desk, bank, lost: ([bank], list(lost)))
    place.reboot().start(Options(back_s=0.2, campaign=given), names, os.getpid())
    place.reboot().begin(names)
    place.reboot().finish({})
    assert taken == [settings]


def test_boards_that_cannot_be_asked_are_named_and_stop_it(place: Place) -> None:
    place.reboot().start(Options(("slurm",), budget=0), NAMES, os.getpid())
    place.reboot().begin(NAMES[2:])
    assert place.reboot().finish(dict.fromkeys(NAMES[2:], "no route")) == []
    report = place.reboot().end()
    assert report.boards[0].reason == "could not be asked: no route"
    assert report.drained == NAMES[2:]
    assert report.stopped == "bank 2 lost 2 of 2 boards, 0 are allowed"


def test_a_board_that_does_not_come_back(place: Place) -> None:
    place.reboot().start(Options(back_s=0.5), NAMES[2:], os.getpid())
    place.reboot().begin(NAMES[2:])
    place.runs("pi-2-1", "two", NEW)
    assert place.reboot().finish({}) == []
    report = place.reboot().end()
    assert [one.outcome.value for one in report.boards] == ["ok", "failed"]
    # the cluster has no PDU, so that no campaign can do anything
    assert "not back after 0 s, did not begin to boot; no power cycle: " in report.boards[1].reason


def test_a_cancel_leaves_boards_open(place: Place) -> None:
    place.reboot().start(Options(("slurm",), back_s=30), NAMES, os.getpid())
    place.reboot().begin(NAMES[2:])
    reboot = place.reboot()
    reboot.cancel()
    reboot.finish({})
    report = place.reboot().end()
    assert [one.outcome.value for one in report.boards] == ["open", "open", *["untouched"] * 2]
    assert (report.status, report.drained) == (130, NAMES[2:])


def test_refusals_touch_nothing(place: Place) -> None:
    (place.folder / "services").write_text(json.dumps({"nfs": "no answer"}))
    with pytest.raises(PiclusterError, match="NFS on small-head is not ready: no answer"):
        place.reboot().start(Options(), NAMES, os.getpid())
    assert not record_path(place.journal).exists()
    refuse_running(lock_path(place.journal))
    (place.folder / "nodes" / "172.20.1.2").unlink()
    with pytest.raises(PiclusterError, match="the TFTP server has no image for pi-1-2"):
        place.reboot().prepare(Options(), NAMES)
    with pytest.raises(PiclusterError, match="no node is called pi-9-9"):
        place.reboot().prepare(Options(), ["pi-9-9"])
    with pytest.raises(PiclusterError, match="no reboot is under way"):
        place.reboot().begin(NAMES)
    record_path(place.journal).write_text("{}")
    with pytest.raises(PiclusterError, match="is no record of a reboot"):
        place.reboot().prepare(Options(), NAMES)


def test_one_at_a_time(place: Place) -> None:
    with Lock(lock_path(place.journal), CAMPAIGN):
        with pytest.raises(PiclusterError, match="a campaign is running already"):
            place.reboot().start(Options(), NAMES, os.getpid())
        with pytest.raises(PiclusterError, match="a campaign is running already"):
            place.reboot().prepare(Options(), NAMES)
    place.reboot().start(Options(), NAMES, os.getpid())
    for start in (
        lambda: Lock(lock_path(place.journal)),
        lambda: place.reboot().prepare(Options(), NAMES),
    ):
        with pytest.raises(
            LockedError, match=rf"a rolling reboot is running already \(process {os.getpid()}\)"
        ):
            start()
    place.reboot().end()
    Lock(lock_path(place.journal)).close()


def test_a_keeper_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        hold(path, process.pid)
        with pytest.raises(LockedError):
            refuse_running(path)
        process.kill()

    def free() -> bool:
        try:
            refuse_running(path)
        except LockedError:
            return False
        return True

    until(free)

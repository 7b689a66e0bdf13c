"""The journal: what it keeps, what it refuses, and what a kill leaves of it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from campaigning import boot_events, event, folded
from hypothesis import given, settings
from hypothesis import strategies as st

from picluster.campaign.events import Alarm, AlarmKind, Health, Sign
from picluster.campaign.journal import Notice, Snapshot, SqliteJournal, coding
from picluster.campaign.journal.saved import BankBoot
from picluster.campaign.policy import Outcome
from picluster.campaign.ports import PowerOrder, Verb
from picluster.campaign.progress import Progress, Trouble
from picluster.campaign.runs import BankRun, BoardRun, Phase
from picluster.campaign.stages import Stage
from picluster.errors import PiclusterError


class SetClock:
    """A clock that stands where it is put."""

    def __init__(self, now: float = 100.0, wall: float = 5000.0, boot: str = "run-1") -> None:
        self.seconds, self.time, self.run = now, wall, boot

    def now(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.time

    def boot(self) -> str:
        return self.run


@pytest.fixture(name="path")
def journal_path(tmp_path: Path) -> Path:
    return tmp_path / "campaign.db"


def opened(path: Path, clock: SetClock | None = None, cluster: str = "mini") -> SqliteJournal:
    return SqliteJournal(path, cluster, clock or SetClock(), durable=False)


def full_snapshot() -> Snapshot:
    progress = folded(boot_events(on_at=40.0))
    run = BankRun(1, (1, 2), Phase.LOADING, since=50.0, attempt=2, on_at=40.0, order=3, why="x")
    return Snapshot(
        now=100.0,
        wall=5000.0,
        position="s=1",
        runs={1: run},
        boards={"pi-1-1": (progress, ("a line",))},
        alone={"pi-1-1": BoardRun(2, 7, "late")},
        outcomes=[Outcome("pi-1-1", ready=False, key="no-nfs", others_failed=0.5)],
        boots=[BankBoot(1, 1, 0.5, 3.0)],
        alarms=[Alarm(60.0, AlarmKind.OFF_PLAN_LEASE, "what", "line")],
        notices=[Notice(70.0, 1, "text")],
    )


def test_everything_kept_is_found_again(path: Path) -> None:
    snapshot = full_snapshot()
    with opened(path) as journal:
        journal.start([1], {"quorum": 1})
        journal.intend(PowerOrder(3, Verb.ON, (1, 2)), 95.0, snapshot)
    with opened(path) as journal:
        saved = journal.unfinished()
        history = journal.history()
    assert saved is not None
    assert (saved.scope, saved.started, saved.position, saved.last_order) == ((1,), 100.0, "s=1", 3)
    assert saved.runs == [snapshot.runs[1]]
    assert saved.boards == snapshot.boards
    assert saved.alone == snapshot.alone
    assert (saved.alarms, saved.notices) == (snapshot.alarms, snapshot.notices)
    assert [(open_.order, open_.at) for open_ in saved.orders] == [
        (PowerOrder(3, Verb.ON, (1, 2)), 95.0)
    ]
    assert history.record("pi-1-1").failures == 1
    assert history.present.yields == {0.5: 1.0}


def test_a_closed_order_is_not_open(path: Path) -> None:
    with opened(path) as journal:
        journal.start([1], {})
        journal.intend(PowerOrder(1, Verb.ON, (1,)), 95.0, Snapshot())
        journal.save(Snapshot(closed=[1]))
        saved = journal.unfinished()
    assert saved is not None
    assert (saved.orders, saved.last_order) == ([], 1)


def test_times_move_with_the_machines_restart(path: Path) -> None:
    """Before: second 100 of run 1. Two minutes later the machine is at second 30 of run 2."""
    with opened(path) as journal:
        journal.start([1], {})
        journal.save(full_snapshot())
    with opened(path, SetClock(30.0, 5120.0, "run-2")) as journal:
        saved = journal.unfinished()
    assert saved is not None
    assert saved.started == 30.0 - 120.0
    progress, _ = saved.boards["pi-1-1"]
    assert progress.on_at == 40.0 - 190.0
    assert saved.runs[0].on_at == 40.0 - 190.0


def test_a_clock_set_back_meanwhile_counts_as_no_time(path: Path) -> None:
    with opened(path) as journal:
        journal.start([1], {})
        journal.save(full_snapshot())
    with opened(path, SetClock(30.0, 10.0, "run-2")) as journal:
        saved = journal.unfinished()
    assert saved is not None
    assert saved.started == 30.0


def test_a_finished_campaign_is_history(path: Path) -> None:
    with opened(path) as journal:
        journal.start([1], {})
        journal.save(full_snapshot())
        journal.finish({"ready": 3})
        assert journal.unfinished() is None
        history = journal.history()
    assert history.earlier.yields[0.5] == 1
    assert history.present.count == 0


def test_an_abandoned_one_too(path: Path) -> None:
    with opened(path) as journal:
        journal.start([1], {})
        journal.abandon()
        assert journal.unfinished() is None


# ---- refusals


def test_two_campaigns_at_once_are_refused(path: Path) -> None:
    with opened(path), pytest.raises(PiclusterError, match=f"running already.*{os.getpid()}"):
        opened(path)
    opened(path).close()


def test_another_clusters_journal_is_refused(path: Path) -> None:
    opened(path).close()
    with pytest.raises(PiclusterError, match="is the journal of 'mini', not of 'policebox'"):
        opened(path, cluster="policebox")


def test_another_versions_journal_is_refused(path: Path) -> None:
    opened(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(PiclusterError, match="version 9, this picluster writes version 1"):
        opened(path)


def test_another_database_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE mine (x)")
    with pytest.raises(PiclusterError, match="is no journal"):
        opened(path)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("mine",)]


@pytest.mark.parametrize("content", [b"not a database at all, but text" * 100, b"\0" * 4096])
def test_rubbish_is_refused_and_lets_go(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(PiclusterError, match=r"campaign\.db"):
            opened(path)


def test_no_folder_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(PiclusterError, match="cannot open the lock"):
        opened(tmp_path / "none" / "campaign.db")


# ---- kills

_CHILD = """
import sys, time
from pathlib import Path
from picluster.campaign.journal import Snapshot, SqliteJournal, Notice
from picluster.campaign.ports import PowerOrder, Verb

class Clock:
    now = lambda self: time.monotonic()
    wall = lambda self: time.time()
    boot = lambda self: "run"

journal = SqliteJournal(Path(sys.argv[1]), "mini", Clock())
journal.start([1], {})
n = 0
while True:
    n += 1
    # one transaction: a notice and the order of the same number
    journal.intend(PowerOrder(n, Verb.ON, (1,)), 0.0, Snapshot(notices=[Notice(0.0, 1, str(n))]))
    print(n, flush=True)
"""


@pytest.fixture(name="child")
def killed_child(path: Path) -> int:
    """A campaign killed with SIGKILL while it writes; gives the last number it told."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    last = 0
    for line in process.stdout:
        last = int(line)
        if last == 25:
            process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    process.stdout.close()
    return last


def test_a_killed_process_leaves_whole_transactions_and_no_lock(path: Path, child: int) -> None:
    with opened(path) as journal:
        saved = journal.unfinished()
    assert saved is not None
    numbers = [open_.order.number for open_ in saved.orders]
    assert numbers == [int(notice.text) for notice in saved.notices]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= child  # what was told before an order is given is kept


# ---- text

PROGRESS = st.builds(
    Progress,
    stage=st.sampled_from(Stage),
    since=st.floats(0, 1e6),
    failed=st.booleans(),
    on_at=st.none() | st.floats(0, 1e6),
    heard=st.none() | st.floats(0, 1e6),
    boot=st.sampled_from(["", "00ff"]),
    files=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    fell_from=st.none() | st.sampled_from(Stage),
    troubles=st.frozensets(st.sampled_from(Trouble)),
    reason=st.text(max_size=10),
    health=st.builds(Health, st.none() | st.floats(0, 90), st.none() | st.integers(0, 0xFFFFF)),
)


@given(PROGRESS, st.lists(st.text(max_size=5), max_size=3).map(tuple))
@settings(max_examples=50, deadline=None)
def test_progress_survives_being_text(progress: Progress, lines: tuple[str, ...]) -> None:
    assert coding.progress_of(coding.progress_text(progress, lines), 0.0) == (progress, lines)


def test_runs_survive_being_text() -> None:
    run = BankRun(3, (3, 4), Phase.RESTING, on_at=None, until=9.0, cycling=True, trouble="ü")
    assert coding.run_of(coding.run_text(run), 0.0) == run
    moved = coding.run_of(coding.run_text(run), 5.0)
    assert (moved.until, moved.on_at) == (14.0, None)
    assert json.loads(coding.alone_text(BoardRun(1, 2, "x"))) == {
        "attempts": 1,
        "order": 2,
        "trouble": "x",
    }
    assert coding.alone_of(coding.alone_text(BoardRun(1, 2, "x"))) == BoardRun(1, 2, "x")


def test_an_event_after_the_restart_goes_on_from_there() -> None:
    progress = folded(boot_events(Sign.ROOT))
    found, _ = coding.progress_of(coding.progress_text(progress, ()), 1000.0)
    assert folded([event(1050.0, Sign.READY)], found).ready

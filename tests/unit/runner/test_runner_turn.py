"""One run at a time on a cluster: the others are refused, or wait."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from picluster.campaign.journal.lock import Lock, lock_path
from picluster.errors import PiclusterError
from picluster.runner import BusyError, CancelledError
from picluster.runner.drive import never
from picluster.runner.turn import Busy, Turn


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "small.campaign.db"


def turn(journal: Path, busy: Busy = "refuse", wait_s: float | None = None) -> Turn:
    return Turn(journal, busy, wait_s, never, lambda _: None)


def test_a_second_run_is_refused_until_the_first_has_ended(journal: Path) -> None:
    said = r"a run is running already \(process \d+\); wait"
    with turn(journal), pytest.raises(BusyError, match=said):
        turn(journal).__enter__()
    with turn(journal):
        pass


def test_a_campaign_that_somebody_else_started_counts(journal: Path) -> None:
    said = "a campaign is running already"
    with Lock(lock_path(journal)), pytest.raises(BusyError, match=said):
        turn(journal).__enter__()
    with turn(journal) as mine, Lock(lock_path(journal)):
        assert mine.taken() is not None
        assert not mine.settled(0.3)
    assert turn(journal).settled(0)


def test_whoever_is_refused_holds_nothing(journal: Path) -> None:
    with Lock(lock_path(journal)), pytest.raises(BusyError):
        turn(journal).__enter__()
    with turn(journal):
        pass


def test_one_that_waits_begins_when_the_other_has_ended(journal: Path) -> None:
    order: list[str] = []
    told: list[str] = []
    first = turn(journal)
    first.__enter__()

    def wait() -> None:
        with Turn(journal, "wait", None, never, told.append):
            order.append("second")

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.7)
    order.append("first")
    first.__exit__()
    waiting.join(10)
    assert order == ["first", "second"]
    assert len(told) == 1, "told once"
    assert "a run is running already" in told[0]


def test_patience_ends(journal: Path) -> None:
    with turn(journal):
        start = time.monotonic()
        with pytest.raises(BusyError):
            turn(journal, "wait", 0.6).__enter__()
        assert 0.5 < time.monotonic() - start < 5


def test_one_that_waits_can_be_cancelled(journal: Path) -> None:
    with turn(journal), pytest.raises(CancelledError, match="cancelled while another run had it"):
        Turn(journal, "wait", None, lambda: True, lambda _: None).__enter__()


@pytest.mark.parametrize(
    ("busy", "wait_s", "said"),
    [("queue", None, "busy is 'queue'; give"), ("wait", -1.0, "wait_s -1.0 is negative")],
)
def test_wrong_arguments(journal: Path, busy: Busy, wait_s: float | None, said: str) -> None:
    with pytest.raises(PiclusterError, match=said):
        turn(journal, busy, wait_s)


def test_a_lock_that_cannot_be_written_is_not_taken_for_a_run(tmp_path: Path) -> None:
    with pytest.raises(PiclusterError, match="cannot open the lock") as refused:
        turn(tmp_path / "none" / "small.campaign.db", "wait").__enter__()
    assert not isinstance(refused.value, BusyError)

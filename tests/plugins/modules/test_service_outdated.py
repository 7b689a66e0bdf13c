"""Whether a unit is outdated: the reading of systemd's answer, and the two clocks.

With a real systemd: ``tests/system/test_head_interrupted.py``.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import load
from hypothesis import given
from hypothesis import strategies as st

BOOTED = 1_795_349_000.0
#: 672.25 s after boot, as systemd 252 shows it with ``TZ=UTC``.
RUNNING = """\
LoadState=loaded
ActiveState=active
StateChangeTimestampMonotonic=672250000
InactiveExitTimestamp=Sun 2026-11-22 12:14:32 UTC
InactiveExitTimestampMonotonic=672250000
ReloadResult=success
"""
STARTED = BOOTED + 672.25


@pytest.fixture(scope="module")
def outdated() -> ModuleType:
    return load("modules/service_outdated.py", "service_outdated")


def loaded_at(
    module: ModuleType, *, reload: bool = False, step: float = 0, **changed: str
) -> float | None:
    """Judge ``RUNNING`` with some properties changed, 1000 s after boot.

    Args:
        module: the module.
        reload: its option.
        step: seconds the clock was stepped after the start.
        changed: properties; an empty one is left out.
    """
    properties = {**module.parse_properties(RUNNING), **changed}
    properties = {name: value for name, value in properties.items() if value}
    now = module.Clocks(BOOTED + 1000 + step, 1000.0)
    answer: float | None = module.loaded_at(properties, reload, now)
    return answer


def test_the_answer_of_systemctl_is_read(outdated: ModuleType) -> None:
    text = "A=1\nB=\nC=x=y\n\nno pair\n"
    assert outdated.parse_properties(text) == {"A": "1", "B": "", "C": "x=y"}


def test_the_start_is_known_to_the_tick(outdated: ModuleType) -> None:
    assert loaded_at(outdated) == pytest.approx(STARTED - 0.02, abs=1e-6)


def test_a_reload_counts_only_when_asked_for(outdated: ModuleType) -> None:
    later = {"StateChangeTimestampMonotonic": "900000000"}
    assert loaded_at(outdated, **later) == pytest.approx(STARTED - 0.02, abs=1e-6)
    assert loaded_at(outdated, reload=True, **later) == pytest.approx(BOOTED + 900, abs=1e-6)


def test_a_reload_that_failed_loaded_nothing(outdated: ModuleType) -> None:
    assert loaded_at(outdated, reload=True, ReloadResult="exit-code") is None
    # A start loads everything, whatever became of a reload.
    assert loaded_at(outdated, ReloadResult="exit-code") == loaded_at(outdated)
    # Old releases and sockets do not say.
    assert loaded_at(outdated, reload=True, ReloadResult="") == loaded_at(outdated, reload=True)


@pytest.mark.parametrize("state", ["inactive", "failed", "deactivating", ""])
def test_what_does_not_run_has_loaded_nothing(outdated: ModuleType, state: str) -> None:
    assert loaded_at(outdated, ActiveState=state) is None
    assert loaded_at(outdated, ActiveState=state, reload=True) is None


@pytest.mark.parametrize("state", ["active", "activating", "reloading"])
def test_what_runs_or_starts_has_loaded_its_files(outdated: ModuleType, state: str) -> None:
    assert loaded_at(outdated, ActiveState=state) == pytest.approx(STARTED - 0.02, abs=1e-6)


@pytest.mark.parametrize("noted", ["", "0", "-5", "n/a", "1e9"])
def test_without_a_start_nothing_is_loaded(outdated: ModuleType, noted: str) -> None:
    assert loaded_at(outdated, InactiveExitTimestampMonotonic=noted) is None


@given(step=st.floats(-1e6, 1e6), after=st.floats(0.001, 300))
def test_one_step_of_the_clock_hides_no_change(
    outdated: ModuleType, step: float, after: float
) -> None:
    """The file changes after the start; the clock steps between the two or behind both."""
    for change in (STARTED + after, STARTED + after + step):
        loaded = loaded_at(outdated, step=step)
        # The day's time is noted to the second: a step of less than that may hide as much.
        assert outdated.newer_files({"f": change + 2}, loaded) == ["f"]


@given(before=st.floats(0.03, 1e6))
def test_a_file_that_was_loaded_is_not_newer(outdated: ModuleType, before: float) -> None:
    loaded = loaded_at(outdated)
    assert outdated.newer_files({"f": STARTED - before}, loaded) == []


@pytest.mark.parametrize(
    "noted", ["", "n/a", "Sun 2026-11-22 12:14:32 CET", "Sun 2026-99-22 12:14:32 UTC", "yesterday"]
)
def test_a_time_of_day_that_cannot_be_read_is_passed_over(outdated: ModuleType, noted: str) -> None:
    answer = loaded_at(outdated, InactiveExitTimestamp=noted)
    assert answer == pytest.approx(STARTED - 0.02, abs=0.03)


def test_the_newer_files_are_named(outdated: ModuleType) -> None:
    changes = {"b": 5.0, "a": 3.0, "missing": None, "c": 4.0}
    assert outdated.newer_files(changes, 3.5) == ["b", "c"]
    assert outdated.newer_files(changes, None) == ["b", "a", "c"]
    assert outdated.newer_files({"missing": None}, None) == []


def test_a_change_is_one_of_content_name_or_link(outdated: ModuleType, tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    assert outdated.changed_at(str(file)) is None
    file.touch()
    # Files put in place by a copy may carry any mtime.
    os.utime(file, (1, 1))
    assert outdated.changed_at(str(file)) == file.stat().st_ctime
    link.symlink_to(file)
    assert outdated.changed_at(str(link)) == max(file.stat().st_ctime, link.lstat().st_ctime)
    file.unlink()
    assert outdated.changed_at(str(link)) is None


def test_a_machine_without_systemd_is_told_so(run_module: Any) -> None:
    if Path("/run/systemd/system").exists():
        pytest.skip("systemd runs here")
    options = {"unit": "cron.service", "paths": ["/etc/crontab"]}
    answer = run_module("service_outdated", options, check=True)
    assert answer["failed"]
    assert "systemctl" in answer["msg"] or "systemd tells nothing of cron" in answer["msg"]

"""What events of ansible-runner mean, and which of them are kept."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from picluster.runner import Event, keep_failures
from picluster.runner.artefacts import Keeper
from picluster.runner.collect import Collector
from picluster.runner.events import event_of, reason_of
from picluster.runner.hidden import MASK, Scrubber

Raw = dict[str, Any]


def raw(event: str, *, stdout: str = "", **data: Any) -> Raw:
    return {"event": event, "uuid": "ab-12", "counter": 7, "stdout": stdout, "event_data": data}


def told(one: Raw) -> tuple[str, ...] | None:
    event = event_of(one)
    return None if event is None else (event.kind, event.text, event.host, event.task, event.state)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            raw("playbook_on_task_start", task="campaign : x | Boot"),
            ("task", "Boot", "", "Boot", ""),
        ),
        (
            raw("runner_on_ok", host="a", task="T", res={"changed": True}),
            ("result", "", "a", "T", "changed"),
        ),
        (raw("runner_on_ok", host="a", task="T", res={}), ("result", "", "a", "T", "ok")),
        (
            raw("runner_on_failed", host="a", task="T", res={"msg": "no", "stderr": "disk"}),
            ("result", "no disk", "a", "T", "failed"),
        ),
        (
            raw("runner_on_unreachable", host="a", task="T", res={"msg": "gone"}),
            ("result", "gone", "a", "T", "unreachable"),
        ),
        (raw("runner_on_skipped", host="a", task="T"), None),
        (raw("verbose", stdout="bank 1: has power\n"), ("notice", "bank 1: has power", "", "", "")),
        (raw("verbose", stdout="\n"), None),
        (raw("playbook_on_stats"), None),
        ({}, None),
        ({"event": "runner_on_ok", "event_data": None}, ("result", "", "", "", "ok")),
    ],
)
def test_what_it_means(one: Raw, said: tuple[str, ...] | None) -> None:
    assert told(one) == said


def test_what_came_off_the_network_is_printable_and_bounded() -> None:
    event = event_of(raw("verbose", stdout="a\x1b[2Jb\nsecond line\n" + "x" * 5000))
    assert event is not None
    assert event.text.startswith("'a\\x1b[2Jb'\nsecond line\n")
    assert len(event.text) == 2000
    assert event.text.isprintable() or "\n" in event.text


@pytest.mark.parametrize(
    ("res", "reason"),
    [
        ({"msg": "no room", "stderr": "disk full"}, "no room disk full"),
        (
            {
                "msg": "One or more items failed",
                "results": [{"failed": True, "msg": "a is wrong"}, {"msg": "fine"}],
            },
            "a is wrong",
        ),
        (
            {"msg": "All items completed", "results": [{}], "reason": "no such role"},
            "no such role",
        ),
        ({"msg": "All items completed", "results": [{}]}, "All items completed"),
        ({}, "no reason was given"),
    ],
)
def test_the_reason_of_a_failure(res: Raw, reason: str) -> None:
    assert reason_of(res) == reason


def test_only_failures_are_kept() -> None:
    assert keep_failures(raw("runner_on_failed", res={}))
    assert keep_failures(raw("runner_on_unreachable", res={}))
    assert keep_failures(raw("playbook_on_stats"))
    assert not keep_failures(raw("runner_on_failed", ignore_errors=True))
    assert not any(keep_failures(raw(name)) for name in ("runner_on_ok", "verbose", ""))


def collector(events: list[Event]) -> Collector:
    return Collector("picluster_x", frozenset({"Tell"}), str, events.append)


def test_a_reason_that_many_hosts_give_is_said_once() -> None:
    one = collector([])
    for number in range(5):
        one.take(raw("runner_on_failed", host=f"h{number}", task="T", res={"msg": "no room"}))
    one.take(raw("runner_on_failed", host="h9", task="T", res={"msg": "fine"}, ignore_errors=True))
    one.take(
        raw(
            "runner_on_failed",
            host="h0",
            task="T",
            task_action="picluster_boot",
            res={"msg": "refused:\nbank 9 is not described"},
        )
    )
    assert one.reasons() == ["h0, h1, h2 and 2 others: no room", "bank 9 is not described"]


def test_a_thousand_reasons_stay_one_message() -> None:
    one = collector([])
    for number in range(1050):
        one.take(raw("runner_on_failed", host=f"h{number}", res={"msg": f"{number} " + "x" * 9000}))
    assert len(one.reasons()) == 6
    assert one.reasons()[-1] == "1045 other reasons"
    assert sum(map(len, one.reasons())) < 12_000


def test_the_report_is_the_statistic_of_its_name() -> None:
    one = collector([])
    one.take(raw("playbook_on_stats", artifact_data={"picluster_x": {"status": 3}, "other": 1}))
    assert (one.report, one.finished) == ({"status": 3}, True)
    for wrong in (None, [], {"picluster_x": "text"}):
        other = collector([])
        other.take(raw("playbook_on_stats", artifact_data=wrong))
        assert other.report == {}


def test_lines_and_preview_are_those_of_the_telling_task() -> None:
    one = collector([])
    one.take(raw("runner_on_ok", task="file | Tell", res={"lines": ["a"], "preview": {"x": 1}}))
    one.take(raw("runner_on_ok", task="Other", res={"lines": ["b"], "preview": {"y": 1}}))
    assert (one.lines, one.preview) == (("a",), {"x": 1})


def test_artefacts_are_the_owners_small_and_without_the_secret(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "kept", "boot", Scrubber("s3cret-word"))
    for number in range(50):
        keeper.take(
            raw("runner_on_ok", stdout=f"ok {number} s3cret-word", res={"x": "s3cret-word"})
        )
    long = {"msg": "s3cret-word is wrong", "stdout": "s3cret-word" * 9000}
    for counter, res in ((8, {"msg": "no s3cret-word", "s3cret-word": 1}), (9, long)):
        keeper.take({**raw("runner_on_failed", host="h", task="T", res=res), "counter": counter})
    keeper.end("short", 3, {"why": "s3cret-word"})
    folder = keeper.folder
    assert folder is not None
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == [
        "job_events/8-ab-12.json", "job_events/9-ab-12.json", "rc", "result.json", "status",
        "stdout",
    ]  # fmt: skip
    for path in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert "s3cret-word" not in text
    first, second = (json.loads((folder / name).read_text()) for name in files[:2])
    assert first["event_data"]["res"]["msg"] == f"no {MASK}"
    assert second["event_data"]["res"] == {"msg": f"{MASK} is wrong", "shortened": True}
    assert second["event_data"]["host"] == "h"
    assert ((folder / "status").read_text(), (folder / "rc").read_text()) == ("short", "3")


def test_the_file_of_a_run_stays_in_its_folder(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "kept", "boot", Scrubber())
    keeper.take({**raw("runner_on_failed", res={}), "uuid": "../../../evil"})
    assert [p.name for p in tmp_path.rglob("*.json")] == ["7-evil.json"]
    assert keeper.folder is not None
    assert (keeper.folder / "job_events" / "7-evil.json").is_file()


def test_what_ansible_prints_has_an_end(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "kept", "boot", Scrubber())
    for _ in range(12):
        keeper.take(raw("verbose", stdout="x" * 1_000_000))
    assert keeper.folder is not None
    kept = keeper.folder / "stdout"
    assert kept.stat().st_size < 8_100_000
    assert kept.read_text().endswith("… shortened\n")


def test_nothing_is_kept_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    keeper = Keeper(None, "boot", Scrubber())
    keeper.take(raw("runner_on_failed", stdout="x", res={}))
    keeper.end("done", 0, {})
    assert list(tmp_path.iterdir()) == []

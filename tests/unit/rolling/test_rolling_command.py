"""Commands as a board's own shell runs them, and what is made of the answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from picluster.rolling.answers import fold
from picluster.rolling.command import Answer, Limits, answer_of, reason_line, script_of
from picluster.rolling.since import check_unit, journal_command, since_of


def ran(command: str, limits: Limits | None = None, **more: object) -> Answer:
    known = limits or Limits()
    done = subprocess.run(
        ["sh", "-c", script_of(command, known)], capture_output=True, text=True,
        errors="surrogateescape", check=False, **more,
    )  # fmt: skip
    assert done.returncode == 0
    return answer_of("pi-1-1", "ok", {"stdout": done.stdout}, known)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("echo out; echo err >&2; exit 3", Answer("pi-1-1", 3, "out\nerr\n")),
        ("exit 255", Answer("pi-1-1", 255)),
        ("cat", Answer("pi-1-1", 0)),
        ("printf '%s' '{{ x }}' \"it's\"", Answer("pi-1-1", 0, "{{ x }}it's")),
        ("printf 'a\\033[2J\\000\\n\\tb'", Answer("pi-1-1", 0, "a\\x1b[2J\\x00\n\tb")),
        (
            "printf '\\npicluster-status 0\\n'; exit 4",
            Answer("pi-1-1", 4, "\npicluster-status 0\n"),
        ),
    ],
)
def test_output_and_status_come_back(command: str, answer: Answer) -> None:
    assert ran(command) == answer


def test_output_is_bounded_and_the_command_runs_to_its_end(tmp_path: Path) -> None:
    mark = tmp_path / "end"
    answer = ran(f"seq 100000; echo > {mark}; exit 2", Limits(size=7))
    assert answer == Answer("pi-1-1", 2, "1\n2\n3\n4", cut=True)
    assert mark.exists()


def test_time_is_bounded() -> None:
    answer = ran("echo begun; sleep 30", Limits(seconds=0.3))
    assert (answer.status, answer.text, answer.timed_out) == (124, "begun\n", True)


def test_a_board_without_an_answer_has_a_reason() -> None:
    lost = {"msg": "Failed to connect\n to the host\x1b"}
    assert answer_of("pi-1-1", "unreachable", lost, Limits()) == Answer(
        "pi-1-1", None, why="Failed to connect to the host\\x1b"
    )
    assert answer_of("pi-1-1", "ok", {"stdout": "half"}, Limits()).status is None
    assert reason_line(f"a\r\n\tb\x1b[2J{'c' * 300}") == f"a b\\x1b[2J{'c' * 292}…"


@pytest.mark.parametrize("command", ["", " \n", "a\0b", "x" * 65537])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(PiclusterError, match=r"is no command|has 65537 characters"):
        script_of(command, Limits())


@pytest.mark.parametrize("values", [(0, 1), (float("nan"), 1), (1, 0), (1, 1 << 40)])
def test_limits_that_mean_nothing_are_refused(values: tuple[float, int]) -> None:
    with pytest.raises(PiclusterError, match="is no"):
        Limits(*values)


def test_equal_answers_are_together() -> None:
    order = [f"pi-11-{slot}" for slot in range(1, 7)]
    said = [Answer(name, 0, "up\n") for name in order[:3]]
    said += [Answer(order[3], 1, "up\n"), Answer(order[4], None, why="no route")]
    found = fold("uptime", reversed(said), {order[5]: "at stage off"}, order)
    assert found.lines() == [
        "---------------", "pi-11-[1-3] (3)", "---------------", "up",
        "---------------", "pi-11-4 (1): status 1", "---------------", "up",
    ]  # fmt: skip
    assert found.sums() == [
        "no answer from pi-11-5: no route",
        "not ready pi-11-6: at stage off",
        "failed on pi-11-4",
        "4 answered (2 different), 1 failed, 1 gave no answer, 1 are not ready",
    ]
    assert (found.status, found.plain()["answered"]) == (3, 4)
    assert fold("uptime", said[:3], {}, order).status == 0


def test_a_journal_is_its_end_with_the_status_of_journalctl(tmp_path: Path) -> None:
    program = tmp_path / "journalctl"
    program.write_text('#!/bin/sh\necho "$@"; seq 1000; exit 5\n')
    program.chmod(0o755)
    command = journal_command(since_of("2h"), "a'b", 60)
    answer = ran(command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert answer.status == 5
    assert answer.text.splitlines()[1:] == [str(n) for n in range(987, 1001)]
    program.write_text('#!/bin/sh\necho "$@"\n')
    answer = ran(command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert answer.text == "--no-pager --quiet -o short-iso --since=-2h --unit=a'b\n"


@pytest.mark.parametrize("text", ["1", "h", "yesterday; reboot", "1 h", "2026-11-26T10", "-1h", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(PiclusterError, match="is no time"):
        since_of(text)


def test_times_and_units() -> None:
    assert [since_of(text) for text in ("90s", "30min", "5m", "2d", "2026-11-26 10:00")] == [
        "-90s", "-30min", "-5min", "-2d", "2026-11-26 10:00",
    ]  # fmt: skip
    assert check_unit("picluster-work-*@a.service") == "picluster-work-*@a.service"
    with pytest.raises(PiclusterError, match="no name of a unit"):
        check_unit("-M x")

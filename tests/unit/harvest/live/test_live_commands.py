"""Programs run with limits: lines, cuts, time, and nothing left behind."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from picluster.harvest.live.commands import MAX_LINE, Stream


def run(script: str, limit_s: float = 10.0) -> tuple[list[bytes], Stream, int, str]:
    with Stream([sys.executable, "-c", script], "test", limit_s) as stream:
        lines = list(stream.lines())
        status = -2 if stream.timed_out else stream.status()
        return lines, stream, status, stream.failure()


def test_lines_status_and_complaint() -> None:
    lines, stream, status, failure = run(
        "import sys; print('a\\n\\nb', end=''); sys.stderr.write('x\\x1b[1m\\nmore'); sys.exit(3)"
    )
    assert (lines, stream.timed_out, status) == ([b"a", b"", b"b"], False, 3)
    assert failure == "'x\\x1b[1m'"


@pytest.mark.parametrize("end", ["\\n", ""])
def test_long_lines_are_cut_and_the_next_is_whole(end: str) -> None:
    lines, *_ = run(f"print('x' * 3_000_000 + '\\nnext', end='{end}')")
    assert lines == [b"x" * MAX_LINE, b"next"]


def test_time_limit_ends_a_silent_program() -> None:
    begin = time.monotonic()
    lines, stream, *_ = run("print('a', flush=True); import time; time.sleep(60)", 2)
    assert (lines, stream.timed_out) == ([b"a"], True)
    assert 2 <= time.monotonic() - begin < 8
    assert not Path(f"/proc/{stream.pid}").exists()


def test_time_limit_ends_a_program_that_never_stops_printing() -> None:
    begin = time.monotonic()
    lines, stream, *_ = run("while True: print('x' * 100)", 2)
    assert stream.timed_out
    assert set(lines[:-1]) == {b"x" * 100}
    assert time.monotonic() - begin < 6


def test_program_that_ignores_the_end_is_killed() -> None:
    begin = time.monotonic()
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    _, stream, *_ = run(f"{script}; time.sleep(60)", 2)
    assert time.monotonic() - begin < 8
    assert not Path(f"/proc/{stream.pid}").exists()


def test_program_that_is_not_there() -> None:
    with pytest.raises(PiclusterError) as caught, Stream(["no-such-program"], "test", 1):
        pass
    assert str(caught.value) == (
        "test: cannot run no-such-program: No such file or directory; "
        "install it, or run the harvest where it is"
    )

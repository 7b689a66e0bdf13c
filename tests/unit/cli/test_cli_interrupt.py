"""A command that runs a playbook, interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import MakeDescription
from tests.unit.runner.plays import project


def left(pid: str) -> bytes:
    """The command line of a process; empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_the_playbook_and_says_so(
    tmp_path: Path, description: MakeDescription, number: signal.Signals
) -> None:
    mark = tmp_path / "runs"
    program = f"import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))"
    argv = [sys.executable, "-c", f"{program}; time.sleep(60)"]
    task = {"name": "Sleep", "run_once": True, "ansible.builtin.command": {"argv": argv}}
    folder = project(tmp_path / "project", [task], "shutdown.yml")
    cluster = description(registry="bank,slot,mac\n1,1,b8:27:eb:00:00:01\n")
    words = [sys.executable, "-m", "picluster", "shutdown", "-i", cluster]
    with subprocess.Popen(
        [*words, "-i", folder / "hosts.yml"],
        env={**os.environ, "PICLUSTER_PROJECT": str(folder), "XDG_STATE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        end = time.monotonic() + 40
        while not (mark.exists() and mark.read_text()):
            assert running.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        running.send_signal(number)
        out, said = running.communicate(timeout=40)
    assert (running.returncode, out) == (1, "")
    last = said.splitlines()[-1]
    assert last == "picluster: playbooks/shutdown.yml was interrupted; run it again"
    assert left(mark.read_text()) == b"", "what it ran has ended"

"""The programs of the workload ``mpi`` that run on a node, with OpenMPI's own daemon."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

FILES = REPOSITORY / "roles" / "workload_mpi" / "files" / "workload"
pytestmark = pytest.mark.skipif(shutil.which("orted") is None, reason="no OpenMPI here")


class Node:
    """A node's folder of the workload, and ``run`` in it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.files, self.data, self.share = (folder / name for name in ("1", "data", "share"))
        shutil.copytree(FILES, self.files)
        self.data.mkdir()
        self.share.mkdir()
        (self.data / "reply.7").touch()  # what a job of an earlier run has left
        paths = {"DATA": str(self.data), "SHARE": str(self.share), "HOSTNAME": "pi-1-1"}
        self.environment = {**os.environ, **paths, "OPENMPI": "", **settings}
        self.process = subprocess.Popen(
            [str(self.files / "run")], env=self.environment, start_new_session=True
        )
        self.until((self.data / "jobs").is_fifo)

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.05)

    def program(self, name: str, *words: str) -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/bash", str(self.files / name), *words], env=self.environment, timeout=40,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout.strip()

    def daemon(self) -> bool:
        """Whether a job's daemon is there: it holds the lock."""
        words = ["flock", "-n", str(self.data / "busy"), "true"]
        return (self.data / "busy").exists() and subprocess.run(words, check=False).returncode == 1

    def end(self) -> None:
        """As systemd ends it: all of its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def silent() -> Iterator[str]:
    """Words of a daemon whose mpirun takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        yield (
            "orted --daemonize -mca ess env -mca ess_base_jobid 917635072 -mca ess_base_vpid 1 "
            "-mca ess_base_num_procs 2 -mca orte_node_regex head,[2:10].99.0.2@0(2) -mca "
            f"orte_hnp_uri 917635072.0;tcp://127.0.0.1:{port} --mca plm_rsh_agent "
            "/nowhere/agent -mca plm rsh"
        )


def test_a_job_is_taken_one_at_a_time_and_ends_with_the_workload(node: Node, silent: str) -> None:
    assert node.program("check") == (0, "")
    assert node.program("launch", *silent.split()) == (0, "")
    node.until(node.daemon)
    assert node.program("launch", *silent.split()) == (1, "pi-1-1 is at another job")
    assert not list(node.data.glob("reply.*"))
    drain = subprocess.Popen(["bash", str(node.files / "drain")], env=node.environment)
    node.until((node.data / "draining").exists)
    assert node.program("launch", *silent.split()) == (1, "pi-1-1 takes no job any more")
    assert drain.poll() is None
    node.end()
    node.until(lambda: not node.daemon())
    assert drain.wait(20) == 0
    said = "pi-1-1 does not answer: the workload does not run"
    assert node.program("launch", "orted") == (1, said)


def test_a_daemon_that_is_of_no_use_is_said(node: Node, silent: str) -> None:
    status, said = node.program("launch", "orted", "-mca", "ess", "no-such")
    why = "pi-1-1 has lost the daemon of OpenMPI at once: journalctl -u picluster-work-mpi"
    assert (status, said) == (1, why)
    node.until(lambda: not node.daemon())
    # packets to this address go nowhere
    away = re.sub(r"127\.0\.0\.1:[0-9]+", "192.0.2.1:9", silent)
    status, said = node.program("launch", *away.split())
    assert (status, said.startswith("pi-1-1 ")) == (1, True)
    node.until(lambda: not node.daemon())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["sh", "-c", "reboot"], "pi-1-1 is asked for something else than orted"),
        (["orted", "two words"], "pi-1-1 cannot take a word with blanks: two words"),
        (["orted", "a\nreply.1 orted"], "pi-1-1 cannot take a word with blanks: a"),
        (["orted", ""], "pi-1-1 cannot take a word with blanks:"),
        (["orted", "x" * 4096], "bytes of words: 4095 at most"),
    ],
)
def test_what_is_no_daemon_is_refused(node: Node, words: list[str], why: str) -> None:
    status, said = node.program("launch", *words)
    assert (status, why in said) == (1, True), said
    assert not node.daemon()


def test_a_node_without_the_workload_says_so(tmp_path: Path) -> None:
    shutil.copytree(FILES, tmp_path / "1")
    done = subprocess.run(
        ["bash", str(tmp_path / "1" / "launch"), "orted"], capture_output=True, text=True,
        env={**os.environ, "HOSTNAME": "pi-1-1"}, check=False,
    )  # fmt: skip
    said = "pi-1-1 takes no MPI jobs: the workload is not deployed here\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become the workload's user")
def test_root_has_nothing_to_do_with_the_workload_s_folder() -> None:
    """Its user may put a link to any file where ``launch`` works, at any moment."""
    with tempfile.TemporaryDirectory(prefix="picluster-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(FILES, folder / "1")
        (folder / "data").mkdir()
        os.mkfifo(folder / "data" / "jobs", 0o600)
        for path in (folder / "data", folder / "data" / "jobs"):
            os.chown(path, 65534, 65534)
        process = subprocess.Popen(
            ["bash", str(folder / "1" / "launch"), "orted"], stderr=subprocess.DEVNULL
        )
        with (folder / "data" / "jobs").open() as jobs:
            reply = folder / "data" / jobs.readline().split()[0]
        owner = reply.stat().st_uid, Path(f"/proc/{process.pid}").stat().st_uid
        reply.write_text("started\n")
        assert (owner, process.wait(20)) == ((65534, 65534), 0)


def test_it_is_well_with_programs_for_its_own_processor_alone(node: Node) -> None:
    shutil.copy("/bin/true", node.share / "mine")
    (node.share / "script").write_text("#!/bin/sh\n")
    (node.share / "script").chmod(0o755)
    (node.share / "data").write_bytes(b"\x7fELF" + bytes(60))
    assert node.program("check") == (0, "")
    other = node.share / "other"
    other.write_bytes(b"\x7fELF" + bytes(14) + b"\xf3\x00" + bytes(40))
    other.chmod(0o755)
    assert node.program("check") == (1, "other is for another processor")
    other.unlink()
    node.environment["OPENMPI"] = "3.1.0"
    status, said = node.program("check")
    assert (status, said.endswith("and 3.1.0 is asked for")) == (1, True), said
    said = node.program("check")[1]
    node.environment["OPENMPI"] = said.split()[3]
    assert node.program("check") == (0, "")
    node.environment["PATH"] = str(node.share)
    assert "the image lacks the package openmpi-bin" in node.program("check")[1]
    node.environment["PATH"] = os.environ["PATH"]
    (node.data / "jobs").unlink()
    assert node.program("check") == (1, "no jobs are taken")

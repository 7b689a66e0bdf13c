"""Debian's BOINC client with the programs of the workload, and a project of the twin."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from boards_support import until

from twin.devices.boinc_project import ProjectServer
from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)
FILES = TREE / "roles" / "workload_boinc" / "files" / "workload"
UNPACKED = TREE / "build" / "daemons"
#: Primes below a thousand, and in each thousand after that.
PRIMES = ("168", "135", "127", "120", "119", "114")


class Client:
    """A node's client in a folder."""

    def __init__(self, folder: Path, project: ProjectServer, account: str) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self.sensor = folder / "temp"
        self.sensor.write_text("45000\n")
        secrets = folder / "secret"
        secrets.mkdir()
        (secrets / "account_key").write_text(f"{account}\n")
        libraries = UNPACKED / "usr" / "lib" / "x86_64-linux-gnu"
        self.environment = {
            **os.environ,
            "PATH": f"{UNPACKED / 'usr' / 'bin'}:{os.environ['PATH']}",
            "LD_LIBRARY_PATH": str(libraries),
            "DATA": str(self.data),
            "PROJECT": project.project.url,
            "SECRETS": str(secrets),
            "CPUS_PERCENT": "100",
            "CPU_PERCENT": "100",
            "MAX_TEMP_C": "70",
            "DISK_GB": "1",
            "SENSOR": str(self.sensor),
            "OPTIONS": "--skip_cpu_benchmarks --no_info_fetch",
        }
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(FILES / "run")], cwd=self.data, env=self.environment, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip

    def program(self, *words: str) -> tuple[int, str]:
        """Run a program in the client's folder; its status and what it printed."""
        done = subprocess.run(
            words, cwd=self.data, env=self.environment, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout.strip()

    def check(self) -> tuple[int, str]:
        return self.program(str(FILES / "check"))

    def suspended(self) -> bool:
        """Whether it computes nothing."""
        _, said = self.program("boinccmd", "--get_cc_status")
        return "current mode: never" in said.split("GPU status")[0]

    def end(self) -> None:
        """As systemd ends it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@pytest.fixture
def project() -> Iterator[ProjectServer]:
    with ProjectServer("127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextlib.contextmanager
def client(folder: Path, project: ProjectServer, account: str) -> Iterator[Client]:
    made = Client(folder, project, account)
    try:
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(made.process.pid, signal.SIGKILL)
        made.process.wait()


def test_a_client_computes_what_its_project_hands_out(
    project: ProjectServer, tmp_path: Path
) -> None:
    with client(tmp_path, project, "twin") as node:
        assert node.check()[0] == 1
        until(lambda: node.check()[0] == 0, "the project has answered", 60)
        until(lambda: len(project.project.answers) >= 2, "two answers", 90)
        answers = dict(project.project.answers)
        assert answers == {name: PRIMES[int(name.split("_")[1]) - 1] for name in answers}, (
            node.log.read_text()
        )
        # heat: nothing is computed until it is five degrees cooler
        node.sensor.write_text("70100\n")
        until(node.suspended, "it is suspended", 30)
        node.sensor.write_text("66000\n")
        time.sleep(12)
        assert node.suspended()
        assert node.check()[0] == 0
        node.sensor.write_text("64900\n")
        until(lambda: not node.suspended(), "it goes on", 30)
        # the end: what runs is let end, and no more is taken
        assert node.program(str(FILES / "drain"))[0] == 0
        _, tasks = node.program("boinccmd", "--get_tasks")
        assert "EXECUTING" not in tasks
        node.end()
        assert node.process.returncode is not None


def test_a_key_that_the_project_does_not_know_is_not_well(
    project: ProjectServer, tmp_path: Path
) -> None:
    with client(tmp_path, project, "other") as node:
        until(lambda: "Invalid or missing account key" in node.log.read_text(), "it is told", 60)
        status, said = node.check()
        assert status == 1
        assert said == f"the project at {project.project.url} has not answered"
        assert project.project.answers == {}

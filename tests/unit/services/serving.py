"""A daemon of a boot server, started as systemd starts it: with its socket open already."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROLES = Path(__file__).parents[3] / "roles"
#: As in the .socket units.
RECEIVE_BUFFER = 4 << 20
_START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = "1"
os.execv(sys.executable, [sys.executable, "-s", "-B", *sys.argv[2:]])
"""


@dataclass
class Daemon:
    """A daemon that runs, the address it is reached at, and the file of what it said."""

    process: subprocess.Popen[bytes]
    address: tuple[str, int]
    log: Path

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="ascii").splitlines()

    def cpu_s(self) -> float:
        """Processor time it took so far, in user and kernel."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """It does not run meanwhile; what is sent waits in its socket."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def daemon(role: str, log: Path, *words: str) -> Iterator[Daemon]:
    """Start the daemon of a role with a socket on a free port of the loopback.

    The role's modules and the shared ones lie in one folder, as on a boot server.
    """
    place = log.parent / "library"
    place.mkdir(exist_ok=True)
    for name in ("node_services", role):
        for module in (ROLES / name / "files").glob("*.py"):
            (place / module.name).write_bytes(module.read_bytes())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, log.open("wb") as output:
        sock.setsockopt(socket.SOL_SOCKET, _force(), RECEIVE_BUFFER)
        sock.bind(("127.0.0.1", 0))
        program = [sys.executable, "-c", _START, str(sock.fileno()), str(place / f"{role}.py")]
        process = subprocess.Popen(
            [*program, *words],
            pass_fds=[sock.fileno()],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        started = Daemon(process, sock.getsockname(), log)
        try:
            yield started
        finally:
            process.kill()
            process.wait()


def _force() -> int:
    """The option systemd sets as root; others are bound by the machine's limit."""
    so_rcvbufforce = 33
    return so_rcvbufforce if os.geteuid() == 0 else socket.SO_RCVBUF


def until(done: Callable[[], bool], wait_s: float = 20) -> bool:
    """Wait until something is so."""
    end = time.monotonic() + wait_s
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True

"""Slurm on the head of a twin, and its power switched by the project's own command."""

from __future__ import annotations

import contextlib
import json
import re
import socketserver
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boards_support import run, until

from twin.head import container
from twin.head.playbook import play

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.cluster import LiveTwin
    from twin.head.playbook import Outcome

#: The command of the head: it hands its words to the machine on which the PDUs are.
COMMAND = "/opt/picluster/.venv/bin/picluster"
_FORWARD = b"""#!/usr/bin/python3
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as client:
    client.connect("/srv/picluster/power.sock")
    word = os.environ.get("PICLUSTER_PDU_PASSWORD", "")
    client.sendall(json.dumps([*sys.argv[1:], word]).encode() + b"\\n")
    status, out, errors = json.loads(b"".join(iter(lambda: client.recv(4096), b"")))
sys.stdout.write(out)
sys.stderr.write(errors)
sys.exit(status)
"""


class Slurm:
    """See the module.

    Args:
        twin: the twin, up.
        settings: variables of the roles.
        folder: a place of its own.
        asked: what the head's ``picluster`` was called with, the PDUs' password last.
    """

    def __init__(
        self, twin: LiveTwin, settings: dict[str, Any], folder: Path, asked: list[list[str]]
    ) -> None:
        self.twin = twin
        self.head = twin.head
        self.settings = settings
        self.folder = folder
        self.asked = asked

    def play(self, book: str | Path, inventory: Path | None = None, **more: object) -> Outcome:
        """Run a playbook on the head."""
        words = ["-e", json.dumps({**self.settings, **more})]
        return play(self.head, inventory or self.twin.inventory, book, words)

    def ask(self, *words: str) -> str:
        """Run a command of Slurm on the head; what it prints."""
        return self.head.exec(["env", "--chdir=/", *words]).strip()

    def batch(self, script: str, *words: str) -> str:
        """Queue a job; its number."""
        words = ("sbatch", "--parsable", "--output=/dev/null", *words, f"--wrap={script}")
        return self.ask(*words)

    def job(self, number: str) -> dict[str, str]:
        """What Slurm knows of a job."""
        return _fields(self.ask("scontrol", "--oneliner", "show", "job", number))

    def wait(self, number: str, state: str, timeout_s: float = 60) -> dict[str, str]:
        """Wait until a job is in a state; what is known of it then."""
        until(lambda: self.job(number)["JobState"] == state, f"job {number} {state}", timeout_s)
        return self.job(number)

    def states(self) -> dict[str, str]:
        """State of each node."""
        rows = self.ask("sinfo", "--noheader", "--Node", "--partition=all", "--format=%N %T")
        return dict(row.split() for row in rows.splitlines())

    def reason(self, node: str) -> str:
        """Why a node is closed."""
        return self.ask("sinfo", "--noheader", f"--nodes={node}", "--partition=all", "--format=%E")


def _fields(line: str) -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S*)", line))


@contextlib.contextmanager
def forwarded_power(twin: LiveTwin) -> Iterator[list[list[str]]]:
    """Let the head's ``picluster`` be the one of this machine; gives what it was called with."""
    asked: list[list[str]] = []
    place = twin.head.exports / "power.sock"
    program = str(Path(sys.executable).with_name("picluster"))

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            words = json.loads(self.rfile.readline())
            asked.append(words)
            *words, _ = words
            words[words.index("-i") + 1] = str(twin.inventory)
            done = run([program, *words])
            self.wfile.write(json.dumps([done.returncode, done.stdout, done.stderr]).encode())

    container.put(twin.head.places.container, {COMMAND: (_FORWARD, 0o755)})
    with socketserver.ThreadingUnixStreamServer(str(place), Answer) as server:
        place.chmod(0o666)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield asked
        finally:
            server.shutdown()
            place.unlink()


def parallel(first: Any, second: Any) -> tuple[Any, Any]:
    """Do two things at once; what each gives."""
    found: list[Any] = []
    other = threading.Thread(target=lambda: found.append(second()))
    other.start()
    mine = first()
    other.join()
    assert found, "the other thing failed"
    return mine, found[0]


def stop(head: Any) -> None:
    """Leave the head as other tests expect it."""
    units = ["slurmctld", "munge", "picluster-slurm-power.socket", "picluster-slurm-watch.timer"]
    head.run(["systemctl", "disable", "--now", *units])
    head.run(["rm", "-rf", "/opt/picluster", "/etc/picluster/power.env", "/etc/slurm"])

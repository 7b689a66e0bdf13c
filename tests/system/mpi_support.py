"""MPI jobs among the boards of a twin, as a person on its network starts them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from twin.head.places import TREE

if TYPE_CHECKING:
    from twin.cluster import LiveTwin

#: An ordinary user of every Debian.
USER = "nobody"


class Jobs:
    """See the module.

    Args:
        twin: the twin, up.
        folder: place that the ordinary user may look into.
        journal: of the campaigns.
    """

    def __init__(self, twin: LiveTwin, folder: Path, journal: Path) -> None:
        self._twin = twin
        self._journal = journal
        self._key = folder / "key"
        shutil.copy(twin.head.places.key, self._key)
        shutil.chown(self._key, USER)
        self._key.chmod(0o600)

    def words(self, action: str, *options: str, program: str = "") -> list[str]:
        """The command, in the place on the core switch."""
        namespace = f"/run/netns/picluster-{self._twin.head.name}-control"
        command = str(Path(sys.executable).with_name("picluster"))
        words = ["nsenter", f"--net={namespace}", command, "mpi", action]
        words += ["-i", str(self._twin.inventory), "--journal", str(self._journal)]
        head = self._twin.head
        words += ["--via", f"{head.host}=podman exec -i {head.places.container}"]
        if action == "run":
            known_hosts = str(self._twin.head.places.nodes_known_hosts)
            words += ["--user", USER, "--key", str(self._key), "--known-hosts", known_hosts]
        return [*words, *options, *(["--", *program.split()] if program else [])]

    def start(self, *options: str, program: str) -> subprocess.Popen[str]:
        """Start a job."""
        return subprocess.Popen(
            self.words("run", *options, program=program), cwd=TREE, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *options: str, program: str, timeout_s: float = 120) -> tuple[int, str, str]:
        """Run a job to its end: status, what it printed, what was said."""
        return ended(self.start(*options, program=program), timeout_s)

    def hosts(self, *options: str) -> list[str]:
        """The lines of the hostfile."""
        done = subprocess.run(
            self.words("hosts", *options), cwd=TREE, text=True, capture_output=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


def ended(job: subprocess.Popen[str], timeout_s: float) -> tuple[int, str, str]:
    """Wait for a job: status, what it printed, what was said."""
    try:
        out, said = job.communicate(timeout=timeout_s)
    finally:
        job.kill()
    print(out[-4000:], said[-4000:], file=sys.stderr)
    return job.returncode, out, said


def primes(start: int, end: int) -> int:
    """Primes p with start <= p < end."""
    return sum(
        all(number % divisor for divisor in range(2, int(number**0.5) + 1))
        for number in range(max(2, start), end)
    )

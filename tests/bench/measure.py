"""Run a command as a child and measure it: wall time, processor time and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, TYPE_CHECKING

from picluster.errors import refusal
from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Times a peer is run: the median of three shrugs off one disturbed run.
RUNS = 3

# A child's peak memory begins with that of the process it was forked from: a small one forks it.
_WATCH = """
import os, sys
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
said = f"{status} {used.ru_utime + used.ru_stime} {used.ru_maxrss}"
os.write(int(sys.argv[1]), said.encode())
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a child took.

    Attributes:
        seconds: wall time.
        cpu_s: processor time, its own children's included.
        peak_mb: largest resident set, in units of 10^6 bytes.
    """

    seconds: float
    cpu_s: float
    peak_mb: float


def program(name: str) -> str:
    """Path of a command that is installed beside the running Python."""
    return str(Path(sys.executable).with_name(name))


def run(
    args: Sequence[str],
    *,
    output: Path | None = None,
    statuses: frozenset[int] = frozenset({0}),
    environment: Mapping[str, str] | None = None,
) -> Cost:
    """Run a command to its end.

    Args:
        args: the command.
        output: where its standard output goes; nowhere by default.
        statuses: exit statuses that mean it did its work.
        environment: variables beyond the caller's; the project's ansible.cfg is one of them.

    Raises:
        PiclusterError: another exit status; the message holds the end of what it said.
    """
    variables = {**os.environ, "ANSIBLE_CONFIG": str(TREE / "ansible.cfg"), **(environment or {})}
    log = Path(os.devnull) if output is None else output
    with log.open("wb") as out, tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        status, cpu_s, peak_kib = _watched(args, variables, out, errors)
        seconds = time.monotonic() - start
        if status not in statuses:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()[-600:]
            raise refusal(f"{args[0]} ended with status {status}: {said}")
    return Cost(seconds, cpu_s, peak_kib * 1024 / 1e6)


def _watched(
    args: Sequence[str], variables: Mapping[str, str], out: IO[bytes], errors: IO[bytes]
) -> tuple[int, float, int]:
    """Exit status, processor seconds and peak KiB of a command."""
    reading, writing = os.pipe()
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _WATCH, str(writing), *args],
            cwd=TREE,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            pass_fds=[writing],
            check=True,
        )
        status, cpu_s, peak_kib = os.read(reading, 200).decode().split()
    finally:
        os.close(reading)
        os.close(writing)
    return os.waitstatus_to_exitcode(int(status)), float(cpu_s), int(peak_kib)


def in_turn(peers: Mapping[str, Callable[[], Cost]], runs: int = RUNS) -> dict[str, list[Cost]]:
    """Run every peer in turn, ``runs`` times: a busy minute falls on all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in peers}
    for _ in range(runs):
        for name, peer in peers.items():
            costs[name].append(peer())
    return costs


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each quantity."""
    return Cost(
        median(cost.seconds for cost in costs),
        median(cost.cpu_s for cost in costs),
        median(cost.peak_mb for cost in costs),
    )


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)

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
from typing import TYPE_CHECKING

from picluster.errors import refusal
from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Times a peer is run: the median of three shrugs off one disturbed run.
RUNS = 3


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
        child = subprocess.Popen(
            args, cwd=TREE, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=errors
        )
        # wait4 gives the resources of this one child, which subprocess does not.
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in statuses:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()[-600:]
            raise refusal(f"{args[0]} ended with status {child.returncode}: {said}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


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

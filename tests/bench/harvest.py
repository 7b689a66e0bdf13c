"""A dhcpd log ten times as long: time in proportion, memory the same."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from picluster.plan.read import read_plan
from tests.bench.clusters import MINI, description_of
from tests.bench.figure import Figure, at_most
from tests.bench.measure import in_turn, middle, program, run, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picluster.plan.model import Node

SHORT_LINES, LONG_LINES = 100_000, 1_000_000
_START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def figures() -> Iterator[Figure]:
    """Both lengths three times in turn, of the same boards, by the command."""
    with tempfile.TemporaryDirectory(prefix="picluster-bench-") as name:
        short, long = Path(name, "short.log"), Path(name, "long.log")
        write_log(short, SHORT_LINES)
        write_log(long, LONG_LINES)
        say(f"harvest: {SHORT_LINES} and {LONG_LINES} lines, 3 times in turn")
        costs = in_turn(
            {"short": lambda: run(_harvest(short)), "long": lambda: run(_harvest(long))}
        )
        of_short, of_long = middle(costs["short"]), middle(costs["long"])
        ratios = [
            one.seconds / other.seconds
            for one, other in zip(costs["long"], costs["short"], strict=True)
        ]
        yield Figure("harvest.short", of_short.seconds, "s")
        yield Figure("harvest.long", of_long.seconds, "s")
        yield Figure("harvest.time_ratio", median(ratios), "x", at_most(12))
        yield Figure("harvest.short_memory", of_short.peak_mb, "MB", at_most(150))
        yield Figure("harvest.long_memory", of_long.peak_mb, "MB", at_most(150))
        yield Figure("harvest.memory_ratio", of_long.peak_mb / of_short.peak_mb, "x", at_most(1.1))


def _harvest(log: Path) -> list[str]:
    return [program("picluster"), "harvest", "-i", str(MINI), str(log)]


def write_log(path: Path, lines: int) -> None:
    """Write a dhcpd log of mini's boards that boot again and again; same length, same bytes."""
    nodes = read_plan(description_of(MINI)).nodes
    with path.open("w", encoding="ascii") as file:
        file.writelines(islice(_log(nodes), lines))


def _log(nodes: tuple[Node, ...]) -> Iterator[str]:
    """What dhcpd says when boards boot, five seconds apart: two lines a board."""
    for number, node in enumerate(cycle(nodes)):
        time = (_START + timedelta(seconds=5 * number)).strftime("%b %e %H:%M:%S")
        yield f"{time} head dhcpd[411]: DHCPDISCOVER from {node.mac} via eth1\n"
        yield f"{time} head dhcpd[411]: DHCPOFFER on {node.address} to {node.mac} via eth1\n"

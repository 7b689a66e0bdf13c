"""``site.yml`` on bare heads of 84, 1050 and 65,024 nodes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.clusters import (
    FULL_NODES,
    MINI,
    MINI_NODES,
    POLICEBOX,
    POLICEBOX_NODES,
    make_full,
)
from tests.bench.figure import Figure, at_most, exactly
from tests.bench.heads import bare_head, converge, tasks_on
from tests.bench.measure import RUNS, say

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class _Run:
    """A bare head made to serve: wall time and tasks; what a second run changed, if there was one.

    Attributes:
        seconds: of the first run.
        tasks: of the first run.
        changed: tasks that changed something in the second run.
    """

    seconds: float
    tasks: int
    changed: int | None


def figures() -> Iterator[Figure]:
    """The full /16 once and first, so that nobody else waits for packages; the others in turn."""
    with tempfile.TemporaryDirectory(prefix="picluster-bench-") as name:
        full = _converge(make_full(Path(name, "full")), twice=True)
    mini, policebox = [], []
    for number in range(RUNS):
        say(f"converge: round {number + 1} of {RUNS}")
        mini.append(_converge(MINI, twice=number == 0))
        policebox.append(_converge(POLICEBOX, twice=number == 0))
    sizes = {MINI_NODES: mini[0], POLICEBOX_NODES: policebox[0], FULL_NODES: full}
    for nodes, run in sizes.items():
        yield Figure(f"converge.tasks_{nodes}", run.tasks, "tasks")
    counts = [run.tasks for run in (full, *mini, *policebox)]
    yield Figure("converge.tasks_difference", max(counts) - min(counts), "tasks", exactly(0))
    for nodes, run in sizes.items():
        changed = -1 if run.changed is None else run.changed
        yield Figure(f"converge.second_run_{nodes}", changed, "changed", exactly(0))
    yield Figure("converge.time_84", median(run.seconds for run in mini), "s")
    yield Figure("converge.time_1050", median(run.seconds for run in policebox), "s")
    yield Figure("converge.time_65024", full.seconds, "s")
    ratios = [one.seconds / other.seconds for one, other in zip(policebox, mini, strict=True)]
    yield Figure("converge.time_ratio", median(ratios), "x", at_most(1.2))


def _converge(inventory: Path, *, twice: bool) -> _Run:
    """Converge a bare head of its own; ``twice`` says what the second run changed."""
    with bare_head(inventory, banks=2) as (head, _):
        first = converge(head, inventory)
        changed = len(converge(head, inventory).changed()) if twice else None
        return _Run(first.seconds, tasks_on(head, first), changed)

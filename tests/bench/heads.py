"""Heads in containers, configured by ``site.yml``, for benchmarks that need one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from picluster.errors import refusal
from picluster.plan.read import read_plan
from tests.bench.clusters import description_of
from tests.bench.measure import say
from twin.head import Head
from twin.head.playbook import Outcome, play
from twin.rack import Rack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = "bench"


@contextmanager
def bare_head(inventory: Path, banks: int | None = None) -> Iterator[tuple[Head, Rack]]:
    """A bare head of a cluster and its rack, for the block.

    Args:
        inventory: the cluster's folder.
        banks: how many of its banks the rack gets; all by default.

    Raises:
        PiclusterError: no head can run on this machine.
    """
    cluster = read_plan(description_of(inventory)).cluster
    numbers = [bank.number for bank in cluster.banks][:banks]
    with Rack(_NAME, numbers) as rack, Head.of(cluster, _NAME, rack) as head:
        yield head, rack


def converge(head: Head, inventory: Path) -> Outcome:
    """Run ``site.yml``.

    Raises:
        PiclusterError: it failed.
    """
    outcome = play(head, inventory)
    if outcome.status != 0:
        raise refusal(f"site.yml on {inventory.name}: {outcome.explain()}")
    counts = f"{tasks_on(head, outcome)} tasks, {len(outcome.changed())} changed"
    say(f"{inventory.name}: {outcome.seconds:.0f} s, {counts}")
    return outcome


def tasks_on(head: Head, outcome: Outcome) -> int:
    """Number of task results of a head, skipped ones and handlers included."""
    return sum(host == head.host for _, host, _ in outcome.results())

"""The inventory plugin beside the same inventory as static YAML."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.errors import refusal
from tests.bench.clusters import POLICEBOX, make_full
from tests.bench.figure import Figure, at_most
from tests.bench.measure import Cost, in_turn, middle, program, run, say
from tests.bench.static import check_same, write_static

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Memory that ansible-inventory takes for the static YAML of the full /16, with some to spare.
_STATIC_BYTES = 12e9


def figures() -> Iterator[Figure]:
    """Policebox three times in turn, the full /16 once in turn: its static YAML takes minutes."""
    with tempfile.TemporaryDirectory(prefix="picluster-bench-") as name:
        folder = Path(name)
        ours, static = _compare(folder / "policebox", POLICEBOX, runs=3)
        yield Figure("inventory.policebox.plugin", ours.seconds, "s")
        yield Figure("inventory.policebox.static", static.seconds, "s")
        yield Figure(
            "inventory.policebox.time_ratio", ours.seconds / static.seconds, "x", at_most(0.45)
        )
        _check_memory()
        full = make_full(folder / "full-inventory")
        ours, static = _compare(folder / "full", full, runs=1)
        yield Figure("inventory.full.plugin", ours.seconds, "s")
        yield Figure("inventory.full.plugin_memory", ours.peak_mb, "MB")
        yield Figure("inventory.full.static", static.seconds, "s")
        yield Figure("inventory.full.static_memory", static.peak_mb, "MB")
        yield Figure("inventory.full.time_ratio", ours.seconds / static.seconds, "x", at_most(0.2))
        yield Figure(
            "inventory.full.memory_ratio", ours.peak_mb / static.peak_mb, "x", at_most(0.2)
        )


def _compare(folder: Path, inventory: Path, runs: int) -> tuple[Cost, Cost]:
    """Run the plugin and the static YAML made from its result; both give the same inventory."""
    folder.mkdir()
    listing, again, static = folder / "ours.json", folder / "static.json", folder / "static.yml"
    run(_list(inventory), output=listing)
    write_static(listing, static)
    say(f"inventory: {inventory.name} and the same as static YAML, {runs} times in turn")
    costs = in_turn(
        {
            "ours": lambda: run(_list(inventory), output=listing),
            "static": lambda: run(_list(static), output=again),
        },
        runs,
    )
    check_same(listing, again)
    return middle(costs["ours"]), middle(costs["static"])


def _list(source: Path) -> list[str]:
    return [program("ansible-inventory"), "-i", str(source), "--list"]


def _check_memory() -> None:
    """Refuse a machine that would kill something instead of running the static YAML."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if free < _STATIC_BYTES:
        what = f"{free / 1e9:.1f} GB of memory are free"
        raise refusal(what, f"static YAML of 65,024 hosts needs {_STATIC_BYTES / 1e9:.0f} GB")

"""The inventory plugin beside the same inventory as static YAML."""

from __future__ import annotations

import re
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from picluster.errors import refusal
from tests.bench.clusters import POLICEBOX, make_full
from tests.bench.figure import Figure, Limit, at_most
from tests.bench.measure import RUNS, Cost, in_turn, middle, program, run, say
from tests.bench.static import check_same, write_static

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Costs = dict[str, list[Cost]]

_OURS = "plugin"
#: Memory that ansible-inventory takes for the static YAML of the full /16, with some to spare.
_STATIC_BYTES = 7e9


def figures() -> Iterator[Figure]:
    """Policebox three times in turn, the full /16 once: its static YAML takes minutes."""
    with tempfile.TemporaryDirectory(prefix="picluster-bench-") as name:
        folder = Path(name)
        costs = _compare(folder / "policebox", POLICEBOX, RUNS, grouped=True)
        yield from _times("policebox", costs)
        yield _ratio("policebox.time_ratio", costs, "static", _seconds, at_most(0.45))
        yield _ratio("policebox.grouped_ratio", costs, "grouped", _seconds)
        _check_memory()
        costs = _compare(folder / "full", make_full(folder / "full-inventory"), runs=1)
        yield from _times("full", costs)
        for peer, (cost,) in costs.items():
            yield Figure(f"inventory.full.{peer}_memory", cost.peak_mb, "MB")
        yield _ratio("full.time_ratio", costs, "static", _seconds, at_most(0.2))
        yield _ratio("full.memory_ratio", costs, "static", _memory, at_most(0.2))


def _times(cluster: str, costs: Costs) -> Iterator[Figure]:
    for peer, runs in costs.items():
        yield Figure(f"inventory.{cluster}.{peer}", middle(runs).seconds, "s")


def _ratio(
    name: str, costs: Costs, peer: str, of: Callable[[Cost], float], limit: Limit | None = None
) -> Figure:
    """The median of the ratios of runs that stood next to each other."""
    ratios = [of(ours) / of(other) for ours, other in zip(costs[_OURS], costs[peer], strict=True)]
    return Figure(f"inventory.{name}", median(ratios), "x", limit)


def _seconds(cost: Cost) -> float:
    return cost.seconds


def _memory(cost: Cost) -> float:
    return cost.peak_mb


def _compare(folder: Path, inventory: Path, runs: int, *, grouped: bool = False) -> Costs:
    """Run the plugin and the static YAML made from its result; all give the same inventory."""
    folder.mkdir()
    ours = folder / f"{_OURS}.json"
    run(_list(inventory), output=ours)
    sources = {_OURS: inventory, "static": folder / "static.yml"}
    write_static(ours, sources["static"])
    if grouped:
        sources["grouped"] = folder / "grouped.yml"
        run([*_list(inventory), "--yaml", "--export"], output=sources["grouped"])
    say(f"inventory: {inventory.name} and the same as static YAML, in turn, runs: {runs}")
    peers = {
        peer: partial(run, _list(source), output=folder / f"{peer}.json")
        for peer, source in sources.items()
    }
    costs = in_turn(peers, runs)
    for peer in sources:
        check_same(ours, folder / f"{peer}.json")
    return costs


def _list(source: Path) -> list[str]:
    return [program("ansible-inventory"), "-i", str(source), "--list"]


def _check_memory() -> None:
    """Refuse a machine that would kill something instead of running the static YAML."""
    found = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    free = int(found[1]) * 1024 if found else 0
    if free < _STATIC_BYTES:
        what = f"{free / 1e9:.1f} GB of memory are free"
        raise refusal(what, f"static YAML of 65,024 hosts needs {_STATIC_BYTES / 1e9:.0f} GB")

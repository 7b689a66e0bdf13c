"""Run benchmarks by name, print their figures, write them to ``build/bench.json``."""

from __future__ import annotations

import argparse
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.atomic import write_atomically
from picluster.errors import PiclusterError
from tests.bench.figure import Figure, document, exactly
from tests.bench.measure import say
from twin.head.places import build_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    #: Yields figures as it measures them; raises PiclusterError when it cannot run here.
    Benchmark = Callable[[], Iterable[Figure]]

#: Every benchmark, in the order they run: a module of this package with a function ``figures``,
#: of the same name but for :data:`_MODULES`.
NAMES = (
    "inventory",
    "harvest",
    "dhcp",
    "converge",
    "rom_storm",
    "image_build",
    "boot_bytes",
    "boot_memory",
    "campaign",
    "policy",
    "kills",
    "watch",
    "deploy",
    "deploy_policebox",
    "stop_rule",
    "runner",
)
_MODULES = {"runner": "playbook_runs"}


def load(name: str) -> Benchmark:
    """The benchmark of a name in :data:`NAMES`."""
    benchmark: Benchmark = import_module(f"tests.bench.{_MODULES.get(name, name)}").figures
    return benchmark


def main(
    argv: Sequence[str] | None = None,
    *,
    benchmarks: Mapping[str, Benchmark] | None = None,
    report: Path | None = None,
) -> int:
    """Run the command.

    Args:
        argv: names of benchmarks; all when there is none.
        benchmarks: by name, instead of the project's.
        report: where the figures go; ``build/bench.json`` by default.

    Returns:
        0 when every figure keeps to its limit, 1 when one falls short or a benchmark could not
        run, 2 for an unknown name.
    """
    known = dict(benchmarks) if benchmarks is not None else {name: _later(name) for name in NAMES}
    names = _names(argv, known)
    unknown = [name for name in names if name not in known]
    if unknown:
        say(f"error: no benchmark {', '.join(map(ascii, unknown))}; there are: {', '.join(known)}")
        return 2
    figures: list[Figure] = []
    report = report or build_dir() / "bench.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)  # a run that dies leaves no figures of an earlier one
    for name in names:
        for figure in _run(name, known[name]):
            print(figure.line(), flush=True)
            figures.append(figure)
        write_atomically(report, document(figures))
    return 0 if all(figure.ok for figure in figures) else 1


def _later(name: str) -> Benchmark:
    """Imports a benchmark when it runs: one of them must not need what another one needs."""

    def figures() -> Iterable[Figure]:
        return load(name)()

    return figures


def _names(argv: Sequence[str] | None, known: Iterable[str]) -> list[str]:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(known)}")
    return list(dict.fromkeys(parser.parse_args(argv).names)) or list(known)


def _run(name: str, benchmark: Benchmark) -> Iterator[Figure]:
    """The figures of one benchmark; one that falls short where it could not run to its end."""
    say(f"{name}: started")
    start = time.monotonic()
    count = 0
    try:
        for figure in benchmark():
            count += 1
            yield figure
    except (PiclusterError, ImportError) as error:
        say(f"error: {name} cannot run here: {error}")
        count = 0
    if not count:
        yield Figure(f"{name}.completed", 0, "runs", exactly(1))
    say(f"{name}: {time.monotonic() - start:.0f} s")

"""What a run of 1050 boards through picluster.runner leaves behind, and what it takes.

Twenty-five banks of 42 boards whose boot server and PDU are programs on this machine. They are
booted by boot.yml, then shut down by shutdown.yml, which has a task for every board: by a local
connection, but for a bank whose boards cannot be reached by ssh. A workload is deployed to as many
by deploy.yml; boards are lines of their boot server's log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from picluster.errors import refusal
from tests.bench.figure import Figure, at_most, exactly
from tests.bench.measure import say
from tests.plugins.action.boot_cluster import QUICK, BootCluster
from tests.unit.rollout.served import Place
from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BANKS = range(11, 36)
SIZE = 42
#: Boards of one bank have no connection that works.
GONE = BANKS[-1]
_LIMIT_S = 3600
#: 10^6 bytes.
_MOST_ARTEFACTS, _MOST_MEMORY = 50, 300


@dataclass(frozen=True, slots=True)
class _Run:
    said: dict[str, Any]
    artefacts_mb: float
    files: int


def figures() -> Iterator[Figure]:
    """The boot first."""
    boards = len(BANKS) * SIZE
    with tempfile.TemporaryDirectory(prefix="picluster-bench-") as name:
        cluster = _cluster(Path(name))
        booted = _run(cluster, "boot", QUICK)
        yield from _figures("boot", booted)
        ready = booted.said["counts"].get("ready", 0)
        yield Figure("runner.boot_ready", ready, "boards", exactly(boards))
        _lose(cluster)
        down = _run(cluster, "shutdown", {"shutdown_login_s": 3, "shutdown_halt_s": 5})
        yield from _figures("shutdown", down)
        yield Figure(
            "runner.shutdown_asked", len(cluster.halted()), "boards", exactly(boards - SIZE)
        )
        lost = down.said["unreachable"]
        yield Figure("runner.shutdown_unreachable", lost, "boards", exactly(SIZE))
        off = down.said["counts"].get("off", 0)
        yield Figure("runner.shutdown_off", off, "boards", exactly(boards))
    yield from _deployed(boards)


def _deployed(boards: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="picluster-bench-") as name:
        folder = Path(name)
        place = Place(folder, _description(folder), BANKS, SIZE)
        way = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        (folder / "way.yml").write_text(json.dumps({"all": {"hosts": {"small-head": way}}}))
        variables = {
            "rollout_reach": {"small-head": list(place.server.reach.prefix)},
            "rollout_journal": str(folder / "journal.db"),
            "workload_example_version": "2",
        }
        environment = {
            "XDG_STATE_HOME": str(folder / "state"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        }
        with place.boards():
            run = _run_in(folder, place.path, environment, "deploy", variables, "example")
        yield from _figures("deploy", run)
        done = run.said["counts"].get("ok", 0)
        yield Figure("runner.deploy_ok", done, "boards", exactly(boards))


def _figures(action: str, run: _Run) -> Iterator[Figure]:
    said = run.said
    yield Figure(f"runner.{action}_artefacts", run.artefacts_mb, "MB", at_most(_MOST_ARTEFACTS))
    yield Figure(f"runner.{action}_files", run.files, "files")
    yield Figure(f"runner.{action}_memory", said["peak_mb"], "MB", at_most(_MOST_MEMORY))
    yield Figure(f"runner.{action}_results", said["results"], "results")
    yield Figure(f"runner.{action}_events", said["events"], "events")
    yield Figure(f"runner.{action}_time", said["seconds"], "s")


def _cluster(folder: Path) -> BootCluster:
    return BootCluster(folder, _description(folder), BANKS, SIZE)


def _description(folder: Path) -> Callable[..., Path]:
    """Writes a description and its registry."""

    def make(*, registry: str, **changes: Any) -> Path:
        data = {
            "plugin": "picluster",
            "name": "bench",
            "network": "172.20.0.0/16",
            "bank_size": SIZE,
            "head": {"name": "small-head", "address": "172.20.0.10", "boot_interface": "eth1"},
            **changes,
        }
        path = folder / "bench.picluster.yml"
        path.write_text(yaml.safe_dump({k: v for k, v in data.items() if v is not None}))
        (folder / "macs.csv").write_text(registry)
        return path

    return make


def _lose(cluster: BootCluster) -> None:
    """A bank whose boards refuse every connection."""
    path = cluster.folder / "way.yml"
    ways = json.loads(path.read_text())
    gone = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    hosts = {f"pi-{GONE}-{slot}": gone for slot in range(1, SIZE + 1)}
    ways["all"]["children"]["pi"]["hosts"] = hosts
    path.write_text(json.dumps(ways))


def _run(cluster: BootCluster, action: str, variables: dict[str, Any]) -> _Run:
    return _run_in(cluster.folder, cluster.path, cluster.environ, action, variables)


def _run_in(
    folder: Path,
    description: Path,
    environment: Mapping[str, str],
    action: str,
    variables: dict[str, Any],
    *words: str,
) -> _Run:
    say(f"runner: {action} of {len(BANKS) * SIZE} boards")
    kept = folder / "kept" / action
    order = {
        "action": action,
        "words": words,
        "inventory": [str(description), str(folder / "way.yml")],
        "variables": variables,
        "artefacts": str(kept),
        "project": str(TREE),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.playbook_run"],
        cwd=TREE,
        env={**os.environ, **environment},
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )
    if done.returncode != 0:
        raise refusal(f"{action} did not end: {done.stderr.strip()[-600:]}")
    files = [path for path in kept.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return _Run(json.loads(done.stdout), size / 1e6, len(files))

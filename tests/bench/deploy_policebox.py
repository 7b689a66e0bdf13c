"""The controller's side of a roll-out: a real head, 1050 nodes that only answer."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.net import dotted
from picluster.plan.read import read_plan
from picluster.rollout.pack import Parts, pack
from tests.bench.clusters import POLICEBOX, description_of
from tests.bench.figure import Figure, at_most, exactly
from tests.bench.heads import bare_head, converge
from tests.bench.measure import RUNS, Cost, in_turn, middle, program, run
from tests.bench.watch import take_addresses
from twin.cluster.inventory import write_inventory
from twin.head.places import TREE
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picluster.plan.model import AddressPlan
    from twin.head import Head
    from twin.net import Namespace

_PORT = 3334
_SOURCE = TREE / "roles" / "workload_example" / "files" / "workload"


def figures() -> Iterator[Figure]:
    """Time and memory of the command, of its second run, and of fewer boards."""
    plan = read_plan(description_of(POLICEBOX))
    with (
        bare_head(POLICEBOX) as (head, rack),
        tempfile.TemporaryDirectory(prefix="picluster-bench-") as name,
        rack.client() as namespace,
    ):
        converge(head, POLICEBOX)
        take_addresses(namespace, [node.address for node in plan.nodes], plan)
        _know_neighbours(head, namespace, plan)
        inventory = Path(name, "inventory")
        write_inventory(POLICEBOX, inventory, head, proxy="", overrides={}, hosts={})
        with namespace.popen(
            [sys.executable, "-m", "tests.bench.deploy_nodes"],
            stdin=subprocess.PIPE, text=True, cwd=TREE,
        ) as nodes:  # fmt: skip
            assert nodes.stdin is not None
            order = {
                "server": dotted(plan.cluster.head.address),
                "port": _PORT,
                "assigned": str(head.exports / "export/workloads/assigned"),
                "nodes": [[node.name, node.address, str(node.mac)] for node in plan.nodes],
            }
            nodes.stdin.write(json.dumps(order) + "\n")
            nodes.stdin.flush()
            with contextlib.closing(nodes.stdin):
                yield from _roll_policebox(head, inventory, Path(name))


def _know_neighbours(head: Head, namespace: Namespace, plan: AddressPlan) -> None:
    """Neighbours for good: the table's limit is the machine's, and a container cannot raise it."""
    (link,) = json.loads(namespace.run(["ip", "-j", "link", "show", "eth0"]))
    lines = [
        f"neigh replace {node.address} lladdr {link['address']} dev eth1 nud permanent\n"
        for node in plan.nodes
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".ip") as batch:
        batch.writelines(lines)
        batch.flush()
        head.namespace.run(["ip", "-batch", batch.name])


def _roll_policebox(head: Head, inventory: Path, folder: Path) -> Iterator[Figure]:
    """New versions to all boards and to parts of them in turn, and each second run to all."""
    time.sleep(5)  # the ready messages are taken in
    roll = _Command(head, inventory, folder)
    parts = {f"{42 * banks}": banks for banks in (6, 12)}
    peers = {"all": roll.fresh, "again": roll.again}
    peers |= {name: partial(roll.fresh, banks) for name, banks in parts.items()}
    costs = {name: middle(found) for name, found in in_turn(peers).items()}
    every = costs["all"]
    yield Figure("deploy.policebox_runs", RUNS, "runs")
    yield Figure("deploy.policebox_ok", min(roll.ok[1050]), "boards", exactly(1050))
    yield Figure("deploy.policebox_seconds", every.seconds, "s")
    yield Figure("deploy.policebox_memory", every.peak_mb, "MB", at_most(1500))
    again = costs["again"].seconds / every.seconds
    yield Figure("deploy.policebox_again", again, "x", at_most(0.3))
    for name, banks in parts.items():
        boards, some = 42 * banks, costs[name].seconds
        yield Figure(f"deploy.policebox_{name}_ok", min(roll.ok[boards]), "boards", exactly(boards))
        yield Figure(f"deploy.policebox_{name}_seconds", some, "s")
        each = every.seconds / 1050 / (some / boards)
        yield Figure(f"deploy.policebox_each_1050_to_{name}", each, "x", at_most(1.2))


class _Command:
    """``picluster deploy`` to boards that only answer.

    Attributes:
        ok: boards that had a new version, of each run, by the number of boards that were meant.
    """

    def __init__(self, head: Head, inventory: Path, folder: Path) -> None:
        self._head, self._folder, self._count = head, folder, 0
        self._report = folder / "report.json"
        self._words = [program("picluster"), "deploy", "example", "-i", str(inventory)]
        self._words += ["--via", f"{head.host}=podman exec -i {head.places.container}"]
        self._words += ["--journal", str(folder / "j.db"), "--report", str(self._report)]
        self.ok: dict[int, list[int]] = {}

    def fresh(self, banks: int = 25) -> Cost:
        """Roll a new version out to the first banks."""
        self._count += 1
        self._deliver(str(self._count))
        limit = ",".join(f"bank_{bank}" for bank in range(11, 11 + banks))
        cost = self.again("--limit", limit)
        counts = json.loads(self._report.read_text())["counts"]
        self.ok.setdefault(42 * banks, []).append(counts["ok"])
        return cost

    def again(self, *words: str) -> Cost:
        """Roll the last one out."""
        return run([*self._words, *words], statuses=frozenset({0, 3}))

    def _deliver(self, version: str) -> None:
        archive = self._folder / f"{version}.tar"
        settings = {"GREETING": f"hello-{version}"}
        pack("example", version, Parts(_SOURCE, settings=settings), archive)
        place = self._head.exports / "export/workloads/artefacts/example" / version
        place.mkdir(parents=True)
        command(["tar", "-C", str(place), "-xf", str(archive)])
        (place.parent / "latest").write_text(f"{version}\n")

"""The controller's side of a roll-out: a real head, 1050 nodes that only answer."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.net import dotted
from picluster.plan.read import read_plan
from picluster.rollout.pack import Parts, pack
from tests.bench.clusters import POLICEBOX, description_of
from tests.bench.figure import Figure, at_most, exactly
from tests.bench.heads import bare_head, converge
from tests.bench.measure import program, run
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


def policebox() -> Iterator[Figure]:
    """Time and memory of the command, and of its second run."""
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
    archive = folder / "a.tar"
    pack("example", "1", Parts(_SOURCE, settings={"GREETING": "hello"}), archive)
    place = head.exports / "export/workloads/artefacts/example/1"
    place.mkdir(parents=True)
    command(["tar", "-C", str(place), "-xf", str(archive)])
    (place.parent / "latest").write_text("1\n")
    time.sleep(5)  # the ready messages are taken in
    report = folder / "report.json"
    words = [program("picluster"), "deploy", "example", "-i", str(inventory)]
    words += ["--via", f"{head.host}=podman exec -i {head.places.container}"]
    words += ["--journal", str(folder / "j.db"), "--report", str(report)]
    cost = run(words, statuses=frozenset({0, 3}))
    counts = json.loads(report.read_text())["counts"]
    yield Figure("deploy.policebox_ok", counts["ok"], "boards", exactly(1050))
    yield Figure("deploy.policebox_seconds", cost.seconds, "s")
    yield Figure("deploy.policebox_memory", cost.peak_mb, "MB", at_most(1500))
    again = run(words, statuses=frozenset({0, 3}))
    yield Figure("deploy.policebox_again", again.seconds / cost.seconds, "x", at_most(0.3))

"""The task that renders dhcpd.conf: its time per node at 1050 and at 65,024 nodes."""

from __future__ import annotations

import json
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from picluster.errors import refusal
from picluster.plan.read import read_plan
from picluster.render.configuration import render
from tests.bench.clusters import (
    FULL_NODES,
    POLICEBOX,
    POLICEBOX_NODES,
    description_of,
    make_full,
)
from tests.bench.figure import Figure, at_most, exactly
from tests.bench.measure import RUNS, program, run, say
from twin.daemons import daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picluster.plan.model import AddressPlan

_TASK = "Render the reservations"


def figures() -> Iterator[Figure]:
    """Both sizes three times in turn, by ansible-playbook on this machine, validated by dhcpd."""
    dhcpd = _dhcpd()
    with tempfile.TemporaryDirectory(prefix="picluster-bench-") as name:
        folder = Path(name)
        full = make_full(folder / "full")
        sizes = {POLICEBOX: POLICEBOX_NODES, full: FULL_NODES}
        say(f"dhcp: {POLICEBOX_NODES} and {FULL_NODES} nodes, {RUNS} times in turn")
        seconds: dict[Path, list[float]] = {inventory: [] for inventory in sizes}
        for _ in range(RUNS):
            for inventory, taken in seconds.items():
                taken.append(_task_seconds(folder, inventory, dhcpd))
        per_node = {
            inventory: median(seconds[inventory]) / nodes * 1e6
            for inventory, nodes in sizes.items()
        }
        ratios = [
            (many / FULL_NODES) / (few / POLICEBOX_NODES)
            for many, few in zip(seconds[full], seconds[POLICEBOX], strict=True)
        ]
        yield Figure("dhcp.task_1050", per_node[POLICEBOX], "us/node")
        yield Figure("dhcp.task_65024", per_node[full], "us/node")
        yield Figure("dhcp.task_ratio", median(ratios), "x", at_most(1.2))
        yield from _render_figures({nodes: inventory for inventory, nodes in sizes.items()})
        yield from _acceptance(folder / "dhcpd.conf", dhcpd)


def _dhcpd() -> str:
    found = daemon("dhcpd")
    if found is None:
        raise refusal("dhcpd is not here", "run make setup")
    return str(found)


def _task_seconds(folder: Path, inventory: Path, dhcpd: str) -> float:
    """Seconds of the task alone, as Ansible measured them, on a machine without the file."""
    target, playbook, report = (folder / file for file in ("dhcpd.conf", "play.yml", "report.json"))
    target.unlink(missing_ok=True)
    task = {
        "name": _TASK,
        "picluster_render": {
            "kind": "dhcp",
            "variant": "isc",
            "description": str(description_of(inventory)),
            "dest": str(target),
            "mode": "0644",
            "validate": f"{dhcpd} -t -cf %s",
        },
    }
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
    playbook.write_text(json.dumps([play]))  # JSON is YAML
    environment = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    words = [program("ansible-playbook"), "-i", "localhost,", str(playbook)]
    run(words, output=report, environment=environment)
    (done,) = json.loads(report.read_text())["plays"][0]["tasks"]
    if not done["hosts"]["localhost"]["changed"]:
        raise refusal("the task wrote nothing", file=target)
    start, end = (_time(done["task"]["duration"][key]) for key in ("start", "end"))
    return end - start


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _render_figures(inventories: dict[int, Path]) -> Iterator[Figure]:
    """The pure function alone, without reading, placing and validating."""
    plans = {nodes: read_plan(description_of(path)) for nodes, path in inventories.items()}
    for nodes, plan in plans.items():
        seconds = median(_render_seconds(plan) for _ in range(RUNS))
        yield Figure(f"dhcp.render_{nodes}", seconds / nodes * 1e6, "us/node")


def _render_seconds(plan: AddressPlan) -> float:
    start = time.perf_counter()
    render(plan, "dhcp")
    return time.perf_counter() - start


def _acceptance(config: Path, dhcpd: str) -> Iterator[Figure]:
    """Whether dhcpd takes the file of the full /16, with every board in it."""
    cost = run([dhcpd, "-t", "-cf", str(config)])
    hosts = config.read_text().count("hardware ethernet ")
    yield Figure("dhcp.dhcpd_t_hosts", hosts, "hosts", exactly(FULL_NODES))
    yield Figure("dhcp.dhcpd_t", cost.seconds, "s")
    yield Figure("dhcp.dhcpd_t_memory", cost.peak_mb, "MB")

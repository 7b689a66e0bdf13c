"""``python -m twin.demo``: harvest, configure a head, boot 84 boards with faults, check.

The faults are the twin's default ones, of a seed. What really happened to each board is known, and
the campaign's report is held against it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console

from picluster import cli
from picluster.cluster.load import find_description
from picluster.errors import PiclusterError, refusal
from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan
from twin.cluster import LiveTwin, Wishes
from twin.cluster.campaign import boot
from twin.cluster.prepare import configure, publish
from twin.demo.verdict import show
from twin.head import Head
from twin.head.container import check_machine
from twin.head.places import TREE, build_dir
from twin.rack import Rack
from twin.virtual.faults import Plagues

_NAME = "demo"
_SAMPLES = TREE / "twin" / "samples" / "mini"
#: One bank loses 13 of 42 boards and is cycled; one board is dead.
_SEED = 39


def main() -> int:
    """Run the demonstration.

    Returns:
        0 when every healthy board is ready and every other one is named with its stage and cause;
        1 otherwise.
    """
    parser = argparse.ArgumentParser(prog="python -m twin.demo", description=__doc__)
    parser.add_argument("--seed", type=int, default=_SEED, help="of the faults (%(default)s)")
    parser.add_argument("--name", default=_NAME, help="name of the twin (%(default)s)")
    options = parser.parse_args()
    out, begin = Console(), time.monotonic()
    try:
        check_machine()
        inventory = _inventory()
        out.rule("Harvest the sample sources of the 84-Pi mini cluster", align="left")
        _harvest(inventory)
        plan = read_plan(find_description(inventory))
        right = _run(out, options, inventory, plan)
    except PiclusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    took = time.monotonic() - begin
    out.print(f"{took:.0f} s; the twin is removed, what it is built from stays for the next run")
    return 0 if right else 1


def _inventory() -> Path:
    """A working copy of the mini cluster with no board pinned."""
    copy = build_dir() / "demo" / "inventory" / "mini"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(TREE / "inventory" / "mini", copy, ignore=shutil.ignore_patterns("*.csv"))
    return copy


def _harvest(inventory: Path) -> None:
    sources = sorted(str(path) for path in _SAMPLES.iterdir())
    status = cli.main(["harvest", "-i", str(inventory), "--write", *sources])
    if status != 0:
        raise refusal(f"the harvest ended with status {status}")


def _run(out: Console, options: argparse.Namespace, inventory: Path, plan: AddressPlan) -> bool:
    banks = [bank.number for bank in plan.cluster.banks]
    log = build_dir() / "demo" / "ansible.log"
    log.unlink(missing_ok=True)
    out.rule("Build a head in a container", align="left")
    with (
        Rack(options.name, banks) as rack,
        Head.of(plan.cluster, options.name, rack) as head,
    ):
        out.rule("Configure it: site.yml", align="left")
        configure(head, inventory, log=log)
        out.rule("Publish an image and let every bank boot it: image.yml", align="left")
        publish(head, plan.cluster, inventory, log=log)
        with LiveTwin(inventory, head, rack, Wishes(Plagues(options.seed))) as twin:
            out.rule(f"Boot {len(plan.nodes)} boards: picluster boot", align="left")
            report = boot(twin, build_dir() / "demo")
            out.rule("What really happened", align="left")
            return show(out, twin, report)


if __name__ == "__main__":
    sys.exit(main())

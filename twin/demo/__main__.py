"""``python -m twin.demo``: harvest, configure a head, power the boards, check, clean up."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from picluster import cli
from picluster.cluster.load import find_description
from picluster.errors import PiclusterError, refusal
from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan
from twin.demo.power import power_banks
from twin.demo.summary import BankSummary, print_summary, summarise
from twin.head import Head
from twin.head.container import check_machine
from twin.head.places import TREE, build_dir
from twin.head.playbook import command_line
from twin.rack import Rack

_NAME = "demo"
_SAMPLES = TREE / "twin" / "samples" / "mini"


def main() -> int:
    """Run the demonstration.

    Returns:
        0 when every board has its own address and complete files; 1 otherwise.
    """
    parser = argparse.ArgumentParser(prog="python -m twin.demo", description=__doc__)
    parser.parse_args()
    out, begin = Console(), time.monotonic()
    try:
        check_machine()
        inventory = _inventory()
        _say(out, "Harvest the sample sources of the 84-Pi mini cluster")
        _harvest(inventory)
        plan = read_plan(find_description(inventory))
        summaries = _serve(out, inventory, plan)
    except PiclusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    _say(out, "Summary")
    print_summary(out, summaries)
    complete = sum(bank.complete for bank in summaries)
    out.print(f"{complete} of {len(plan.nodes)} boards have their own address and their boot files")
    took = time.monotonic() - begin
    out.print(f"{took:.0f} s; the head and its rack are removed, its image stays for the next run")
    return 0 if complete == len(plan.nodes) else 1


def _say(out: Console, title: str) -> None:
    out.rule(title, align="left")


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


def _serve(out: Console, inventory: Path, plan: AddressPlan) -> list[BankSummary]:
    banks = [bank.number for bank in plan.cluster.banks]
    _say(out, "Build a head in a container")
    with Rack(_NAME, banks) as rack, Head.of(plan.cluster, _NAME, rack) as head:
        _say(out, "Run site.yml on it")
        words, environment = command_line(head, inventory, "site.yml")
        status = subprocess.run(words, env=environment, cwd=TREE, check=False).returncode
        if status != 0:
            raise refusal(f"site.yml ended with status {status}")
        _say(out, f"Power {len(plan.nodes)} boot ROMs, bank by bank")
        return summarise(plan, head, power_banks(plan, rack, out))


if __name__ == "__main__":
    sys.exit(main())

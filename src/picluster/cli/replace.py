"""``picluster replace``: put a new board into a slot."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from picluster.cli.common import add_inventory, argument, console, registry_title
from picluster.cli.difference import print_difference
from picluster.cluster.load import find_description, load_cluster
from picluster.errors import refusal
from picluster.mac import parse_mac, parse_serial, serial_fits
from picluster.plan.build import build_plan
from picluster.reconcile.text import stamp
from picluster.registry.change import put_board
from picluster.registry.file import load_registry, locked, save_registry
from picluster.registry.model import Registry

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("replace", help="put a new board into a slot", description=__doc__)
    parser.add_argument("node", metavar="NODE", help="the slot's node, pi-12-3")
    parser.add_argument(
        "mac", type=argument(parse_mac), metavar="MAC", help="the new board's MAC address"
    )
    add_inventory(parser)
    parser.add_argument("--serial", type=argument(parse_serial), help="its serial, 8 hex digits")
    parser.add_argument(
        "--move", action="store_true", help="the board is pinned elsewhere: free that slot"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the change, write nothing")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Change the registry and show the difference."""
    if options.serial and not serial_fits(options.mac, options.serial):
        raise refusal(
            f"serial {options.serial} cannot belong to {options.mac}",
            "a board of this kind has the same last six digits in both",
        )
    cluster = load_cluster(find_description(options.inventory))
    with locked(cluster.registry):
        registry = load_registry(cluster.registry)
        build_plan(cluster, registry)
        entries = put_board(
            cluster,
            registry,
            options.node,
            options.mac,
            serial=options.serial or "",
            move=options.move,
            seen=stamp(datetime.now(UTC)),
        )
        build_plan(cluster, Registry(registry.path, entries))
        out, title = console(), registry_title(cluster)
        if not print_difference(out, registry, entries, title=title):
            out.print(f"{options.node} has {options.mac} already: nothing to change")
        elif not options.dry_run:
            save_registry(registry, entries, title=title)
    return 0

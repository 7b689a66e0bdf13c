"""``picluster workload``: versions of workloads on the boot servers.

A version stays while a board is assigned it or says that it has it, while it is the one delivered
last, assigned last or the one before, and while it is among the newest.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table

from picluster.cli.common import add_inventory, console, plan_of
from picluster.cli.reach import add_reach, reach_of_options
from picluster.errors import printable

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from picluster.rollout.live.versions import Pruned, WorkloadVersions
    from picluster.rollout.versions import Stored


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    form = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "workload", help="versions of workloads", description=__doc__, formatter_class=form
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _action(actions, "list", "list the versions, the newest first", reads=True)
    listing.set_defaults(run=_list)
    prune = _action(actions, "prune", "remove versions that nothing uses", reads=False)
    prune.add_argument(
        "--keep", type=int, default=3, metavar="N",
        help="newest of each workload that stay; %(default)s",
    )  # fmt: skip
    prune.add_argument(
        "-n", "--dry-run", "--check", action="store_true", dest="dry_run", help="say what would go"
    )
    prune.set_defaults(run=_prune)


def _action(
    actions: _SubParsersAction[argparse.ArgumentParser], name: str, text: str, *, reads: bool
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text)
    parser.add_argument("workload", nargs="?", default="", help="only this one")
    add_inventory(parser, reads=reads)
    add_reach(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser


def _list(options: argparse.Namespace) -> int:
    versions = _versions(options).look()
    if options.json:
        _print_json([one.plain() for one in versions])
        return 0
    table = Table(box=None, pad_edge=False)
    for column in ("server", "workload", "version", "delivered"):
        table.add_column(column, no_wrap=True)
    for column in ("MB", "assigned", "running"):
        table.add_column(column, justify="right")
    table.add_column("state", no_wrap=True)
    for one in versions:
        table.add_row(*map(printable, _row(one)))
    console().print(table)
    return 0


def _row(one: Stored) -> tuple[str, ...]:
    delivered = datetime.fromtimestamp(one.size.delivered, UTC).strftime("%Y-%m-%d %H:%M")
    counts = (str(len(one.assigned)), str(len(one.running)))
    size = f"{one.size.bytes / 1e6:.1f}"
    return one.server, one.workload, one.version, delivered, size, *counts, " ".join(one.pointers)


def _prune(options: argparse.Namespace) -> int:
    pruned = _versions(options).prune(options.keep, dry_run=options.dry_run)
    if options.json:
        _print_json(pruned.plain())
    else:
        for line in _pruned_lines(pruned, dry_run=options.dry_run):
            print(line)
    return 0


def _pruned_lines(pruned: Pruned, *, dry_run: bool) -> list[str]:
    verb = "would go" if dry_run else "removed"
    lines = [f"{_name(one)}  {verb}, {one.size.bytes / 1e6:.1f} MB" for one in pruned.removed]
    lines += [f"{_name(one)}  stays: {', '.join(why)}" for one, why in pruned.kept]
    return lines if pruned.removed else [*lines, "nothing to remove"]


def _name(one: Stored) -> str:
    return f"{one.server}  {one.workload} {one.version}"


def _versions(options: argparse.Namespace) -> WorkloadVersions:
    from picluster.rollout.live.versions import WorkloadVersions  # noqa: PLC0415 - after --help

    plan = plan_of(options)
    return WorkloadVersions(
        plan, options.workload, options.journal, reach_of_options(options, plan)
    )


def _print_json(data: object) -> None:
    json.dump(data, sys.stdout, indent=1)
    print()

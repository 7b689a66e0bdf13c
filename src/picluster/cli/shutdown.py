"""``picluster shutdown``: halt boards, then switch their banks off.

Runs playbooks/shutdown.yml: boards that run are asked to halt by ssh, their boot servers hear when
they are silent, then the banks go off in the reverse order of what needs what, verified. A board
that cannot be asked, or does not halt in time, holds nobody up; it is named. Passwords of PDUs come
from the environment, as for picluster power.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picluster.cli.common import console
from picluster.cli.playbook import add_sources, play
from picluster.cluster.load import find_description, load_cluster
from picluster.errors import refusal

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from picluster.runner import Run

_PLAYBOOK = "playbooks/shutdown.yml"
_ENDS = "exit status: 0 every bank is off; 1 refused, nothing was switched; 3 some bank is not off"
_PLAN, _OFF = "Plan the shutdown", "Switch the banks off"


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "shutdown", help="halt boards, then switch their banks off", description=__doc__,
        epilog=_ENDS, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_sources(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--bank", type=int, action="append", metavar="N", help="only this bank")
    which.add_argument(
        "--limit", metavar="PATTERN", help="only these hosts, as Ansible takes it: whole banks"
    )
    parser.add_argument(
        "--halt-s", type=float, metavar="N", help="seconds boards may take to halt; 90"
    )
    parser.add_argument("--journal", type=Path, metavar="FILE", help="the campaigns' journal")
    parser.add_argument(
        "-n", "--dry-run", "--check", action="store_true", dest="dry_run",
        help="show which boards would be asked and what would be switched",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Shut down, or show what would be."""
    ran = _play(options)
    if options.dry_run:
        ran.check(_PLAYBOOK)
        (plan,) = (result.data for result in ran.of(_PLAN))
        _print(plan["plan"] if options.json else plan["lines"], as_json=options.json)
        return 0
    ended = [result.data for result in ran.results if result.task == _OFF]
    report = ended[-1].get("report") if ended else None
    if report is None:
        ran.check(_PLAYBOOK)
        raise refusal("no node is in the inventory or within the limit", "see picluster plan")
    _print(report if options.json else ended[-1]["lines"], as_json=options.json)
    return int(report["status"])


def _play(options: argparse.Namespace) -> Run:
    cluster = load_cluster(find_description(options.inventory[0]))
    for bank in options.bank or ():
        cluster.bank(bank)  # refused unless described
    variables: dict[str, Any] = {}
    if options.halt_s is not None:
        variables["shutdown_halt_s"] = options.halt_s
    if options.journal is not None:
        variables["shutdown_journal"] = str(options.journal.resolve())
    limit = options.limit
    if options.bank:
        limit = ",".join(f"bank_{number}" for number in options.bank)
    return play(options.inventory, _PLAYBOOK, variables, limit=limit, check=options.dry_run)


def _print(what: Any, *, as_json: bool) -> None:
    if as_json:
        json.dump(what, sys.stdout, indent=1)
        print()
        return
    for line in what:
        console().print(line, soft_wrap=True)

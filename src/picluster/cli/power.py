"""``picluster power``: switch, cycle and read outlets.

TARGET is all, a group (bank_11, rack_1, side_front), a node (pi-11-3), a switch or server that has
an outlet, switches, or PDU:OUTLET; several with commas or blanks between. Banks bring what they
need with them: their switch goes on first. Passwords come from the environment
(PICLUSTER_PDU_PASSWORD, PICLUSTER_PDU_PASSWORD_<PDU>, PICLUSTER_PDU_COMMUNITY,
PICLUSTER_UNIFI_PASSWORD, or the same with _FILE), never from the command line.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from picluster.cli.common import add_inventory
from picluster.power.model import Action

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_ENDS = "exit status: 0 done; 1 refused, nothing was switched; 3 an outlet could not be {}"
_HELP = {
    Action.ON: "switch on, with what has to be on before",
    Action.OFF: "switch off, with what depends on it before",
    Action.CYCLE: "switch off and on again",
}


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    form = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "power", help="switch, cycle and read outlets", description=__doc__, formatter_class=form
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action in Action:
        _add_switching(actions, action)
    status = actions.add_parser(
        "status", help="show the state of outlets", epilog=_ENDS.format("read")
    )
    add_inventory(status, reads=True)
    status.add_argument("targets", nargs="*", metavar="TARGET", help="all outlets by default")
    status.add_argument("--json", action="store_true", help="as a JSON list of outlets")
    status.set_defaults(run=run_status)
    read = actions.add_parser("read", help="show what a captured session of a PDU says")
    read.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    read.add_argument("--json", action="store_true", help="as a JSON list of tables")
    read.set_defaults(run=run_read)


def _add_switching(actions: _SubParsersAction[argparse.ArgumentParser], action: Action) -> None:
    parser = actions.add_parser(action.value, help=_HELP[action], epilog=_ENDS.format("switched"))
    add_inventory(parser)
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="what to switch")
    parser.add_argument(
        "-n", "--dry-run", "--check", action="store_true", dest="dry_run",
        help="read the outlets, show what would happen and why, switch nothing",
    )  # fmt: skip
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="plan and results as one JSON object")
    if action is not Action.ON:
        parser.add_argument(
            "--cut-servers", action="store_true", help="servers nobody named may lose power"
        )
    parser.set_defaults(run=run_switching, cut_servers=False)


def run_switching(options: argparse.Namespace) -> int:
    """Plan, show, ask where it matters, and switch."""
    from picluster.cli.power_run import switch  # noqa: PLC0415 - brings asyncio with it

    return switch(options)


def run_status(options: argparse.Namespace) -> int:
    """Read outlets and show them."""
    from picluster.cli.power_run import show_status  # noqa: PLC0415 - as above

    return show_status(options)


def run_read(options: argparse.Namespace) -> int:
    """Show the tables of outlets in captured text."""
    from picluster.cli.power_run import show_captured  # noqa: PLC0415 - as above

    return show_captured(options)

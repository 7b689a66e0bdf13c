"""``picluster status``: every board's stage, since when, tries, temperature and reason.

From the journal of the last campaign, which may be running, and from what the nodes said last to
their boot servers; --offline asks no server.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from rich.table import Table

from picluster.cli.common import add_inventory, console, plan_of
from picluster.cli.reach import add_reach, reach_of_options

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from picluster.campaign.live.status import BoardStatus


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "status", help="show how far every board came", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_inventory(parser, reads=True)
    parser.add_argument("--bank", type=int, action="append", metavar="N", help="only this bank")
    add_reach(parser)
    parser.add_argument("--offline", action="store_true", help="only what the journal knows")
    parser.add_argument("--json", action="store_true", help="as a JSON list of boards")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show the boards."""
    from picluster.campaign.live.campaign import Options  # noqa: PLC0415
    from picluster.campaign.live.status import status_of  # noqa: PLC0415

    plan = plan_of(options)
    for bank in options.bank or ():
        plan.cluster.bank(bank)  # refused unless described
    reach = {} if options.offline else reach_of_options(options, plan)
    chosen = Options(tuple(options.bank or ()), journal=options.journal, reach=reach)
    boards, unread = status_of(plan, chosen, offline=options.offline)
    for problem in unread:
        print(f"picluster: {problem}", file=sys.stderr)
    if options.json:
        json.dump([board.plain() for board in boards], sys.stdout, indent=1)
        print()
    else:
        console().print(_table(boards))
        ready = sum(board.stage == "ready" and not board.failed for board in boards)
        print(f"{ready} of {len(boards)} boards are ready")
    return 0


def _table(boards: list[BoardStatus]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("board", "address", "stage", "since", "tries", "°C"):
        table.add_column(column, no_wrap=True)
    table.add_column("reason")
    for board in boards:
        heat = "" if board.temperature_c is None else f"{board.temperature_c:.1f}"
        stage = f"failed at {board.stage}" if board.failed else board.stage
        table.add_row(
            board.name, board.address, stage, board.since, str(board.attempts), heat, board.reason
        )
    return table

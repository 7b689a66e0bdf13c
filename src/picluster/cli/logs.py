"""``picluster logs``: the journals of boards, a file each; of those that are silent, the head's.

A node keeps its journal in memory only. Those that are ready give theirs by ssh, as picluster run
asks them. Of the others, the files hold what the journal of their boot server says of them: DHCP,
TFTP, and the messages they sent.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.cli.common import console, plan_of
from picluster.cli.playbook import interruptible
from picluster.cli.progress import Progress
from picluster.cli.reach import add_reach, reach_of_options
from picluster.errors import refusal

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_ENDS = (
    "exit status: 0 every board that is ready gave its journal; 1 refused; 3 one did not, or a "
    "boot server could not be asked"
)


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "logs", help="collect the journals of boards", description=__doc__, epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="+", metavar="NAME", help="bank_11, pi-12-3")
    parser.add_argument(
        "-i", "--inventory", type=Path, required=True, metavar="PATH",
        help="the cluster: a folder under inventory/ or its description",
    )  # fmt: skip
    parser.add_argument(
        "--since", default="1h", metavar="TIME",
        help="90s, 30min, 1h, 2d or '2026-11-26 10:00', in the board's time; %(default)s",
    )  # fmt: skip
    parser.add_argument("--unit", default="", metavar="NAME", help="only this unit, on boards")
    parser.add_argument(
        "--to", type=Path, default=Path("logs"), metavar="DIR", help="where they go; %(default)s"
    )
    parser.add_argument(
        "--kib", type=int, default=1024, metavar="N",
        help="kept of a board, its last lines, KiB; %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=float, default=120.0, metavar="N",
        help="time a board may take; %(default)s",
    )  # fmt: skip
    add_reach(parser)
    parser.add_argument("--json", action="store_true", help="the account as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Collect."""
    from picluster.campaign.live.campaign import Options  # noqa: PLC0415 - later than --help
    from picluster.cli.nodes import nodes_of  # noqa: PLC0415
    from picluster.rolling.command import Limits  # noqa: PLC0415
    from picluster.rolling.live.logs import Collector  # noqa: PLC0415
    from picluster.rolling.since import check_unit, journal_command, since_of  # noqa: PLC0415
    from picluster.runner.boards import Asked, ask_boards  # noqa: PLC0415

    plan = plan_of(options)
    names = nodes_of(plan, ",".join(options.names))
    since, size = since_of(options.since), options.kib * 1024
    limits = Limits(options.seconds, size)
    command = journal_command(since, check_unit(options.unit) if options.unit else "", size)
    if options.to.exists() and not options.to.is_dir():
        raise refusal("is no folder", "name another with --to", file=options.to)
    reach = reach_of_options(options, plan)
    collector, say = Collector(plan, options.to, size), Progress().say
    asked = Asked([options.inventory], ",".join(names), limits, journal=options.journal)
    with interruptible("playbooks/run.yml"):
        absent = ask_boards(command, asked, collector.take, say)
    found = collector.end(absent, since, Options(journal=options.journal, reach=reach))
    if options.json:
        json.dump(found.plain(), sys.stdout, indent=1)
        print()
    else:
        for line in found.lines():
            console().print(line, soft_wrap=True)
    return found.status

"""``picluster run``: a command on every board that is ready, equal answers together.

Runs playbooks/run.yml: by ssh, as many boards at a time as Ansible has forks. Output and errors of
a board are taken together, and bounded; what a terminal would obey is escaped. Boards that are not
ready are named and not asked.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.cli.common import console
from picluster.cli.playbook import add_sources, interruptible
from picluster.cli.progress import Progress
from picluster.cluster.load import find_description
from picluster.errors import refusal
from picluster.plan.read import read_plan

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from picluster.rolling.command import Answer

_ENDS = (
    "exit status: 0 every board that is ready ran it with status 0; 1 refused, no board was asked; "
    "3 some board did not\nexample: picluster run -i inventory/policebox --limit bank_11 -- uptime"
)


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run", help="run a command on every board, fold the answers", description=__doc__,
        epilog=_ENDS, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_sources(parser)
    parser.add_argument("--limit", metavar="PATTERN", help="only these hosts: bank_11,pi-12-3")
    parser.add_argument(
        "--seconds", type=float, default=60.0, metavar="N",
        help="time of the command on a board; %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--kib", type=int, default=16, metavar="N", help="output kept of a board, KiB; %(default)s"
    )
    parser.add_argument("--journal", type=Path, metavar="FILE", help="the campaigns' journal")
    parser.add_argument("--json", action="store_true", help="the answers as one JSON object")
    parser.add_argument(
        "words", nargs="+", metavar="COMMAND",
        help="after --; one word is a line for the shell, several are a program and its arguments",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask the boards."""
    from picluster.rolling.answers import fold  # noqa: PLC0415 - later than --help
    from picluster.rolling.command import Limits  # noqa: PLC0415
    from picluster.runner.asked import limit_of  # noqa: PLC0415
    from picluster.runner.boards import Asked, ask_boards  # noqa: PLC0415

    words = options.words
    command = words[0] if len(words) == 1 else shlex.join(words)
    plan = read_plan(find_description(options.inventory[0]))
    asked = Asked(
        options.inventory, limit_of(plan, (), options.limit),
        Limits(options.seconds, options.kib * 1024), journal=options.journal,
    )  # fmt: skip
    answers: list[Answer] = []
    with interruptible("playbooks/run.yml"):
        absent = ask_boards(command, asked, answers.append, Progress().say)
    if not answers and not absent:
        raise refusal("no node is within the limit", "see picluster plan")
    found = fold(command, answers, absent, [node.name for node in plan.nodes])
    if options.json:
        json.dump(found.plain(), sys.stdout, indent=1)
        print()
        return found.status
    for line in found.lines():
        print(line)
    for line in found.sums():
        console(stderr=True).print(line, soft_wrap=True)
    return found.status

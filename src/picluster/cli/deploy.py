"""``picluster deploy`` and ``undeploy``: run a workload on boards, bank by bank.

A canary comes first, then the rest of its bank, then bank by bank. Boards are told to look at what
their boot server assigns to them, pull it, and say how it went; no board is logged in to. A batch
that loses more boards than the budget ends the roll-out. The version must be on the boot servers:
playbooks/deploy.yml brings it there, and rolls it out in the same way.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.cli.common import add_inventory, console, plan_of
from picluster.cli.nodes import add_limit, nodes_of
from picluster.cli.reach import add_reach, reach_of_options
from picluster.errors import PiclusterError, refusal
from picluster.interrupt import Interrupts

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from picluster.plan.model import AddressPlan
    from picluster.rollout.options import Options
    from picluster.rollout.report import Report

_ENDS = (
    "exit status: 0 every board that is ready has it; 1 refused, nothing was assigned; 3 some "
    "board has not, or the report was not written; 130 interrupted, boards that "
    "were told go on by themselves"
)


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    deploy = _parser(commands, "deploy", "run a workload on boards, bank by bank")
    deploy.add_argument("--version", default="", help="which; the one delivered last otherwise")
    deploy.add_argument(
        "--rollback", action="store_true", help="the version before the present one"
    )
    deploy.add_argument("--board-mib", type=int, metavar="N", help="memory of a board; 1024")
    undeploy = _parser(commands, "undeploy", "take a workload off boards, bank by bank")
    undeploy.set_defaults(version="", rollback=False, board_mib=None)


def _parser(
    commands: _SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        name, help=text, description=__doc__, epilog=_ENDS, formatter_class=form
    )
    parser.add_argument("workload", help="its name")
    add_inventory(parser, reads=True)
    add_limit(parser)
    parser.add_argument(
        "--budget", type=int, default=3, metavar="N",
        help="boards a batch may lose before no further one is touched; %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--answer-s", type=float, default=20.0, metavar="N",
        help="seconds without an answer that make a board unreachable; %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--recheck", action="store_true", help="ask boards, too, that said that they are well"
    )
    add_reach(parser)
    parser.add_argument(
        "-n", "--dry-run", "--check", action="store_true", dest="dry_run",
        help="show which boards would change, in which batches; change nothing",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there too")
    parser.set_defaults(run=run)
    return parser


def run(options: argparse.Namespace) -> int:
    """Roll out, or show what would be done."""
    from picluster.rollout.live.rollout import LiveRollout  # noqa: PLC0415 - later than --help

    plan = plan_of(options)
    say = console(stderr=True).print if not options.json else lambda _: None
    rollout = LiveRollout(plan, _options(plan, options), say)
    if options.dry_run:
        found = rollout.prepare()
        _print(found.plain(), found.lines(), as_json=options.json)
        return 0
    with Interrupts(rollout.cancel, signal.SIG_DFL):
        report = rollout.run()
    return _tell(plan, report, options)


def _options(plan: AddressPlan, options: argparse.Namespace) -> Options:
    from picluster.rollout.options import Options  # noqa: PLC0415
    from picluster.rollout.target import DEPLOY, ROLLBACK, Limits  # noqa: PLC0415

    if options.rollback and options.version:
        raise refusal("--rollback and --version are given", "give one of them")
    limits = Limits() if options.board_mib is None else Limits(options.board_mib)
    action = options.command if options.command != DEPLOY or not options.rollback else ROLLBACK
    return Options(
        action=action,
        workload=options.workload,
        version=options.version,
        nodes=nodes_of(plan, options.limit),
        budget=options.budget,
        recheck=options.recheck,
        limits=limits,
        answer_s=options.answer_s,
        journal=options.journal,
        reach=reach_of_options(options, plan),
    )


def _tell(plan: AddressPlan, report: Report, options: argparse.Namespace) -> int:
    from picluster.campaign.live.artefact import report_path, write_report  # noqa: PLC0415
    from picluster.rollout.report import INCOMPLETE  # noqa: PLC0415
    from picluster.rollout.table import report_lines  # noqa: PLC0415

    _print(report.plain(), report_lines(report), as_json=options.json)
    try:
        write_report(options.report or report_path(plan, "deploy"), report)
    except PiclusterError as error:
        for problem in error.problems:
            print(f"picluster: {problem}", file=sys.stderr)
        return report.status or INCOMPLETE
    return report.status


def _print(plain: object, lines: list[str], *, as_json: bool) -> None:
    if as_json:
        json.dump(plain, sys.stdout, indent=1)
        print()
        return
    for line in lines:
        console().print(line, soft_wrap=True)

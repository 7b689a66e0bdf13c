"""``picluster boot``: a campaign that brings banks up, every board accounted for.

Banks get power one after the other, as fast as the boot server's link serves them; their boards
are watched through the logs of DHCP, TFTP and NFS and through their own messages. A bank is
accepted with its quorum, cycled where that pays, or left with the reason. A campaign that was
interrupted or killed goes on when the same command is given again. Passwords of PDUs come from
the environment, as for picluster power.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.live import Live

from picluster.campaign.settings import Settings
from picluster.cli.common import add_inventory, console, plan_of
from picluster.cli.nodes import add_limit, nodes_of
from picluster.cli.reach import add_reach, reach_of_options
from picluster.errors import refusal
from picluster.interrupt import Interrupts

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from picluster.campaign.engine import Audience
    from picluster.campaign.journal import Notice
    from picluster.campaign.live.campaign import Options
    from picluster.campaign.report import Report
    from picluster.campaign.state import CampaignState
    from picluster.plan.model import AddressPlan
    from picluster.power.desk import PowerDesk

_ENDS = (
    "exit status: 0 every bank has its quorum; 1 refused, nothing was switched; 3 some bank has "
    "not; 130 interrupted, the same command goes on"
)
_KNOBS: dict[str, str] = {
    "quorum": "part of a bank's boards that is enough, 0 to 1 (40 of 42)",
    "max_attempts": "times a bank gets power",
    "batch_size": "banks that get power together",
    "stagger_s": "seconds between switching on two banks",
    "max_banks_on": "banks that may have power at a time",
    "max_temp_c": "temperature that holds the next banks of a rack back",
    "hard_temp_c": "temperature that sheds a bank",
    "quarantine_after": "failures in a row before a board does not count any more",
    "link_mbit": "rate of the boot server's link",
    "settle_s": "seconds boards are listened for where a bank has power already",
}
_POLICIES = ("priced", "until-all-up", "first-result")


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    form = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "boot", help="boot banks, watch, retry, report", description=__doc__, epilog=_ENDS,
        formatter_class=form,
    )  # fmt: skip
    add_inventory(parser)
    parser.add_argument("--bank", type=int, action="append", metavar="N", help="only this bank")
    add_limit(parser, "; whole banks")
    for name, words in _KNOBS.items():
        kind = int if isinstance(_default(name), int) or name == "max_banks_on" else float
        shown = "all" if _default(name) is None else f"{_default(name):.4g}"
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=kind, metavar="N", help=f"{words}; {shown}"
        )
    parser.add_argument("--policy", choices=_POLICIES, default="priced", help="what to retry")
    add_reach(parser)
    parser.add_argument("--fresh", action="store_true", help="give an unfinished campaign up")
    parser.add_argument(
        "-n", "--dry-run", "--check", action="store_true", dest="dry_run",
        help="read outlets, try services, show what would be switched; switch nothing",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there too")
    parser.set_defaults(run=run)


def _default(name: str) -> Any:
    return next(field.default for field in fields(Settings) if field.name == name)


def run(options: argparse.Namespace) -> int:
    """Run a campaign."""
    from picluster.campaign.live.campaign import LiveCampaign  # noqa: PLC0415 - drivers, later
    from picluster.cli.power_ask import operator  # noqa: PLC0415
    from picluster.power.desk import PowerDesk  # noqa: PLC0415

    plan = plan_of(options)
    desk = PowerDesk.of(plan, ask=operator())
    if options.dry_run:
        return _preview(plan, desk, options)
    screen = _Screen(plan, quiet=options.json)
    campaign = LiveCampaign(plan, desk, _options(options, plan), screen.audience())
    with screen, Interrupts(campaign.cancel, signal.SIG_DFL):
        report = campaign.run()
    _tell(report, options)
    return report.status


def _preview(plan: AddressPlan, desk: PowerDesk, options: argparse.Namespace) -> int:
    from picluster.campaign.live.preview import preview  # noqa: PLC0415

    found = preview(plan, desk, _options(options, plan))
    if options.json:
        json.dump(found.plain(), sys.stdout, indent=1)
        print()
    else:
        for line in found.lines():
            console().print(line, soft_wrap=True)
    return 0


def _options(options: argparse.Namespace, plan: AddressPlan) -> Options:
    from picluster.campaign.live.campaign import Options  # noqa: PLC0415

    knobs = {name: value for name in _KNOBS if (value := getattr(options, name)) is not None}
    if options.bank and options.limit:
        raise refusal("--bank and --limit are given", "give one of them")
    return Options(
        banks=tuple(options.bank or ()),
        limit=nodes_of(plan, options.limit),
        settings=Settings(**knobs),
        policy=options.policy,
        journal=options.journal,
        reach=reach_of_options(options, plan),
        fresh=options.fresh,
    )


class _Screen:
    """Shows a campaign: the racks on a terminal, a line for each notice elsewhere."""

    def __init__(self, plan: AddressPlan, *, quiet: bool) -> None:
        self._out = console(stderr=True)
        self._quiet = quiet
        self._names = {bank.number: f"bank {bank.number}: " for bank in plan.cluster.banks}
        self._live: Live | None = None

    def audience(self) -> Audience:
        from picluster.campaign.engine import Audience  # noqa: PLC0415

        return Audience(self._notice, self._show)

    def __enter__(self) -> None:
        if self._out.is_terminal and not self._quiet:
            self._live = Live(console=self._out, refresh_per_second=4, transient=True)
            self._live.start()

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def _notice(self, notice: Notice) -> None:
        if not self._quiet:
            self._out.print(f"{self._names.get(notice.bank, '')}{notice.text}")

    def _show(self, state: CampaignState) -> None:
        from picluster.campaign.view import rack_view  # noqa: PLC0415

        if self._live is not None:
            self._live.update(rack_view(state))


def _tell(report: Report, options: argparse.Namespace) -> None:
    from picluster.atomic import write_atomically  # noqa: PLC0415
    from picluster.campaign.table import bank_table, board_table, summary  # noqa: PLC0415

    text = json.dumps(report.plain(), indent=1) + "\n"
    if options.report is not None:
        write_atomically(options.report, text)
    if options.json:
        sys.stdout.write(text)
        return
    out = console()
    out.print(bank_table(report.banks))
    if report.down:
        out.print()
        out.print(board_table(report.down))
    out.print()
    for line in summary(report):
        out.print(line)

"""``picluster reboot``: boards boot the image they are assigned now, bank by bank.

Runs playbooks/reboot.yml: the canary bank first, hooks drain the boards of a bank, they reboot by
themselves, every one is accounted for, hooks resume them, then the next bank. Boards that run that
image already are left alone. A bank that loses more boards than the budget ends it. Passwords of
PDUs come from the environment: a campaign cycles the power of boards that do not come back.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picluster.cli.common import console
from picluster.cli.playbook import add_sources
from picluster.interrupt import Interrupts

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from picluster.runner import Event, RunResult

_ENDS = (
    "exit status: 0 every board that is ready runs its image and is resumed; 1 refused, nothing "
    "was touched; 3 some board is not, or it stopped; 130 interrupted, the same command goes on"
)
_KNOBS = {
    "budget": (int, "boards a bank may lose before no further one is touched; 3"),
    "back_s": (float, "seconds boards may take to come back; 300"),
    "drain_s": (int, "seconds a hook may take to drain a bank; 600"),
}


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "reboot", help="reboot boards into their image, bank by bank", description=__doc__,
        epilog=_ENDS, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_sources(parser)
    parser.add_argument("--limit", metavar="PATTERN", help="only these hosts: bank_11,pi-12-3")
    parser.add_argument(
        "--hooks", metavar="NAMES", default="",
        help="workloads that drain and resume boards: slurm,kubernetes",
    )  # fmt: skip
    for name, (kind, words) in _KNOBS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=words)
    parser.add_argument(
        "--force", action="store_true", help="reboot boards, too, that run their image"
    )
    parser.add_argument(
        "--no-cycle", action="store_true", help="cycle no power of boards that do not come back"
    )
    parser.add_argument("--journal", type=Path, metavar="FILE", help="the campaigns' journal")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there")
    parser.add_argument(
        "-n", "--dry-run", "--check", action="store_true", dest="dry_run",
        help="show which boards would reboot into what; touch nothing",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Reboot, or show what would be done."""
    from picluster.runner import Options, reboot  # noqa: PLC0415 - Ansible, later than --help

    stop, out = threading.Event(), console(stderr=True)

    def watch(event: Event) -> None:
        if event.kind == "notice" and not options.json:
            out.print(event.text, soft_wrap=True)

    variables: dict[str, Any] = {
        f"reboot_{name}": value for name in _KNOBS if (value := getattr(options, name)) is not None
    }
    if options.no_cycle:
        variables["reboot_cycle"] = False
    if options.report is not None:
        variables["reboot_report"] = str(options.report.resolve())
    how = Options(watch=watch, cancel=stop.is_set, variables=variables, journal=options.journal)
    hooks = [name.strip() for name in options.hooks.split(",") if name.strip()]
    with Interrupts(stop.set, signal.SIG_DFL):
        found = reboot(
            options.inventory, hooks=hooks, limit=options.limit, force=options.force,
            check=options.dry_run, options=how,
        )  # fmt: skip
    if options.json:
        json.dump(found.report, sys.stdout, indent=1)
        print()
    else:
        for line in found.lines or [_counted(found)]:
            console().print(line, soft_wrap=True)
    return found.status


def _counted(found: RunResult) -> str:
    """The sums of a reboot that was interrupted before it told."""
    counts = ", ".join(f"{count} {state}" for state, count in found.counts().items())
    return f"reboot: {counts or 'no board was touched'}"

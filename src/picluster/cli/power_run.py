"""What ``picluster power`` does once its arguments are read."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picluster.cli.common import plan_of
from picluster.cli.power_ask import operator
from picluster.cli.power_show import (
    print_plan,
    print_readings,
    print_results,
    print_tables,
    unreadable,
)
from picluster.errors import PiclusterError, Problem, os_errors, refusal
from picluster.power.desk import PowerDesk
from picluster.power.dialects.transcript import outlets_in
from picluster.power.model import Action, PowerPlan
from picluster.power.plain import plain_plan, plain_reading, plain_result

if TYPE_CHECKING:
    from picluster.power.driver import StepResult

#: Exit status: done as far as it went; an outlet could not be switched or read.
INCOMPLETE = 3

_LIMIT_BYTES = 16 * 1024 * 1024


def switch(options: argparse.Namespace) -> int:
    """Plan, show, ask where it matters, and switch."""
    try:
        return asyncio.run(_switching(options))
    except KeyboardInterrupt:
        message = "interrupted: what was cycled is put back on, what was done stays done"
        print(f"picluster: {message}", file=sys.stderr)
        return 128 + signal.SIGINT


async def _switching(options: argparse.Namespace) -> int:
    desk, action = _desk(options), Action(options.action)
    selection = desk.select(options.targets)
    readings = await desk.look(action, selection)
    plan = desk.plan(action, selection, readings.values(), cut_servers=options.cut_servers)
    problems = unreadable(readings.values())
    if not options.json:
        print_plan(plan, desk.model, problems)
    results: tuple[StepResult, ...] = ()
    if plan.steps and not options.dry_run:
        await _demand_consent(plan, options)
        watch = None if options.json else print_results
        results = await desk.carry_out(plan, watch)
    if options.json:
        _print_json(plan, results, problems, dry_run=options.dry_run)
    return 0 if all(result.done for result in results) else INCOMPLETE


def _desk(options: argparse.Namespace) -> PowerDesk:
    return PowerDesk.of(plan_of(options), ask=operator())


async def _demand_consent(plan: PowerPlan, options: argparse.Namespace) -> None:
    """Ask before more is cut than was named; without a terminal it takes ``--yes``.

    Raises:
        PiclusterError: no consent.
    """
    if options.yes or not (plan.collateral or any(step.cuts for step in plan.steps)):
        return
    ask = operator()
    if ask is not None:
        if (await ask("Go on? [y/N] ")).strip().lower() in ("y", "yes"):
            return
        raise refusal("not confirmed: nothing was switched")
    if plan.collateral:
        raise PiclusterError(
            Problem(
                f"{len(plan.collateral)} more than was named would lose power "
                f"({', '.join(plan.collateral[:3])}{', …' if len(plan.collateral) > 3 else ''})",
                "name all of it, or give --yes",
            )
        )


def _print_json(
    plan: PowerPlan, results: tuple[StepResult, ...], problems: list[str], *, dry_run: bool
) -> None:
    document: dict[str, Any] = {
        **plain_plan(plan),
        "dry_run": dry_run,
        "unread": problems,
        "results": [plain_result(result) for result in results],
    }
    json.dump(document, sys.stdout, indent=1)
    print()


def show_status(options: argparse.Namespace) -> int:
    """Read outlets and show them."""
    desk = _desk(options)
    outlets = desk.select(options.targets).outlets if options.targets else set(desk.model.supplies)
    if not outlets:
        raise refusal("no outlet is described", "describe pdu and outlet of the banks")
    readings = asyncio.run(desk.read(outlets))
    if options.json:
        rows = [plain_reading(reading, desk.model) for reading in readings.values()]
        json.dump(rows, sys.stdout, indent=1)
        print()
    else:
        print_readings(readings, desk.model)
    return INCOMPLETE if any(reading.problem for reading in readings.values()) else 0


def show_captured(options: argparse.Namespace) -> int:
    """Show the tables of outlets in captured text."""
    found = {file: outlets_in(_text(file)) for file in options.files}
    if options.json:
        rows = [
            {
                "file": file,
                "kind": one.kind,
                "outlets": {
                    str(row.number): {"state": row.state.value, "name": row.name}
                    for row in one.table.values()
                },
            }
            for file, tables in found.items()
            for one in tables
        ]
        json.dump(rows, sys.stdout, indent=1)
        print()
    else:
        print_tables(found)
    empty = [file for file, tables in found.items() if not tables]
    if empty:
        raise refusal("no outlets in it", "picluster knows no such device", file=empty[0])
    return 0


def _text(file: str) -> str:
    with os_errors("read the file", file):
        if file == "-":
            return sys.stdin.read(_LIMIT_BYTES)
        with Path(file).open("rb") as stream:
            return stream.read(_LIMIT_BYTES).decode("utf-8", "replace")

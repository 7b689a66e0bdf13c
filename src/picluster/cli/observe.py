"""``picluster observe``: what files say, fact by fact, without any registry."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table

from picluster.cli.common import console
from picluster.cli.progress import Progress
from picluster.errors import printable
from picluster.harvest.ledger import Ledger, Sighting
from picluster.harvest.observation import Observation, Position, Remark
from picluster.mac import is_raspberry_pi
from picluster.reconcile.text import stamp

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_COLUMNS = ("mac", "pi", "switch", "port", "vlan", "address", "serial", "kind", "times", "last")


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "observe", help="show what files say of boards", description=__doc__
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument("--format", metavar="NAME", help="format of all files named")
    parser.add_argument("--json", action="store_true", help="one JSON object a fact, a line each")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the facts of every file."""
    from picluster.harvest.reading import read_facts  # noqa: PLC0415 - loads every format

    progress, ledger = Progress(), Ledger()
    for file in options.files:
        facts = read_facts(file, format_name=options.format)
        for fact in progress.count(facts, f"reading {file}"):
            if options.json:
                print(json.dumps(_plain(fact)))
            else:
                ledger.add(fact)
    if not options.json:
        _print(ledger)
    sys.stdout.flush()
    return 0


def _plain(fact: Observation | Position | Remark) -> dict[str, Any]:
    values: dict[str, Any] = {"fact": type(fact).__name__.lower(), **asdict(fact)}
    seen = values.get("seen")
    return {**values, "seen": stamp(seen)} if isinstance(seen, datetime) else values


def _print(ledger: Ledger) -> None:
    out = console()
    table = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, no_wrap=True)
    for row in _rows(ledger.sightings()):
        table.add_row(*row)
    if table.row_count:
        out.print(table)
    for position in ledger.positions:
        out.print(f"port {position.port} of {position.switch} is {position.address}'s")
    for remark in ledger.remarks:
        line = f":{remark.line}" if remark.line is not None else ""
        out.print(f"left out: {printable(remark.source)}{line}: {remark.what}", soft_wrap=True)
    if ledger.more_remarks:
        out.print(f"left out: {ledger.more_remarks} more rows")


def _rows(sightings: Iterator[Sighting]) -> Iterator[tuple[str, ...]]:
    for sighting in sightings:
        fact = sighting.fact
        yield (
            fact.mac,
            "yes" if is_raspberry_pi(fact.mac) else "",
            printable(fact.switch or ""),
            f"{fact.port or ''}{' (uplink)' if fact.uplink else ''}",
            fact.vlan or "",
            fact.address or "",
            fact.serial or "",
            fact.kind.value,
            str(sighting.times),
            stamp(sighting.last),
        )

"""``picluster plan``: the address plan as table, JSON or CSV."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from typing import TYPE_CHECKING

from rich.table import Table

from picluster.cli.common import add_inventory, console, plan_of
from picluster.plan.inventory import bank_variables, node_rows
from picluster.plan.model import AddressPlan

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_COLUMNS = (
    "name", "address", "mac", "serial", "bank", "slot", "row", "rack", "side", "domain", "switch",
    "port", "pdu", "outlet", "boot_server", "image", "state",
)  # fmt: skip


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("plan", help="show the address plan", description=__doc__)
    add_inventory(parser, reads=True)
    parser.add_argument("--bank", type=int, action="append", metavar="N", help="only this bank")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as a JSON list of nodes")
    form.add_argument("--csv", action="store_true", help="as CSV with a header")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the plan."""
    plan = plan_of(options)
    for number in options.bank or ():
        plan.cluster.bank(number)  # refused unless described
    rows = [row for row in plan_rows(plan) if not options.bank or row["bank"] in options.bank]
    if options.json:
        json.dump(rows, sys.stdout, indent=1)
        print()
    elif options.csv:
        writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print_table(plan, rows)
    return 0


def plan_rows(plan: AddressPlan) -> list[dict[str, str | int]]:
    """One row of plain data for each node, in order of bank and slot."""
    rows = []
    for node, host in zip(plan.nodes, node_rows(plan), strict=True):
        values = {**bank_variables(node.bank), **host.variables}
        row: dict[str, str | int] = {"name": host.name, "address": node.address}
        for column in _COLUMNS[2:-1]:
            row[column] = values[f"picluster_{'switch_port' if column == 'port' else column}"]
        row["state"] = node.state.value or "active"
        rows.append(row)
    return rows


def _print_table(plan: AddressPlan, rows: list[dict[str, str | int]]) -> None:
    used = [column for column in _COLUMNS if any(row[column] != "" for row in rows)]
    table = Table(box=None, pad_edge=False)
    for column in used:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(str(row[column]) for column in used))
    out = console()
    out.print(table)
    cluster = plan.cluster
    mark = " Its boards are invented: a sample registry." if plan.sample else ""
    canary = f"Canary bank {cluster.canary_bank}."
    out.print(f"{len(rows)} nodes of {cluster.name} in {cluster.network}. {canary}{mark}")

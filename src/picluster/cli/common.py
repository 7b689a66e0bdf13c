"""What the commands share: the inventory argument and printing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from picluster.cluster.load import find_description
from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan

#: Columns assumed where nobody watches: rows stay whole in a pipe.
_PIPE_COLUMNS = 240


def add_inventory(parser: argparse.ArgumentParser) -> None:
    """Add ``-i``."""
    parser.add_argument(
        "-i",
        "--inventory",
        type=Path,
        required=True,
        metavar="PATH",
        help="the cluster: a folder under inventory/ or its description",
    )


def plan_of(options: argparse.Namespace) -> AddressPlan:
    """The plan of the inventory given."""
    return read_plan(find_description(options.inventory))


def console(*, stderr: bool = False) -> Console:
    """A console that never wraps rows in a pipe and never interprets markup in data."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_COLUMNS
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)

"""What the commands share: the inventory argument and printing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from picluster.cluster.load import find_description
from picluster.cluster.model import Cluster
from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan
from picluster.runner import default_inventory

T = TypeVar("T")

#: Columns assumed where nobody watches: rows stay whole in a pipe.
_PIPE_COLUMNS = 240


def add_inventory(parser: argparse.ArgumentParser, *, reads: bool = False) -> None:
    """Add ``-i``.

    Args:
        parser: of the command.
        reads: the command changes nothing, so it may take the project's own inventory.
    """
    default = "; that of ansible.cfg" if reads else ""
    parser.add_argument(
        "-i",
        "--inventory",
        type=Path,
        required=not reads,
        metavar="PATH",
        help=f"the cluster: a folder under inventory/ or its description{default}",
    )


def argument(read: Callable[[str], T]) -> Callable[[str], T]:
    """An argument's ``type`` whose refusal keeps the words of the ``ValueError``."""

    def typed(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def registry_title(cluster: Cluster) -> str:
    """The comment a new registry begins with."""
    return f"Registry of {cluster.name}: the board pinned in each slot."


def plan_of(options: argparse.Namespace) -> AddressPlan:
    """The plan of the inventory given, or of the project's."""
    return read_plan(find_description(options.inventory or default_inventory()))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave the broken pipe to the command: rich would end with its own exit status."""
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """A console that never wraps rows in a pipe and never interprets markup in data."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_COLUMNS
    return _Console(file=stream, width=width, markup=False, highlight=False, emoji=False)

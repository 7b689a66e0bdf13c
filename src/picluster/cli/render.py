"""``picluster render``: what a boot server would get."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from picluster.cli.common import add_inventory, plan_of
from picluster.render.configuration import KINDS, render

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "render", help="print what a boot server would get", description=__doc__
    )
    parser.add_argument("kind", choices=sorted(KINDS), help="which configuration")
    add_inventory(parser, reads=True)
    variants = sorted({name for kind in KINDS.values() for name in kind})
    parser.add_argument("--variant", choices=variants, default="", help="for which daemon")
    parser.add_argument("--server", default="", metavar="NAME", help="boot server; the head")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the configuration."""
    sys.stdout.write(render(plan_of(options), options.kind, options.variant, options.server))
    return 0

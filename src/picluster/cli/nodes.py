"""Nodes that a person names: one by one, or by a group that they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picluster.errors import refusal
from picluster.plan.inventory import bank_groups

if TYPE_CHECKING:
    import argparse

    from picluster.plan.model import AddressPlan


def add_limit(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Add ``--limit``."""
    words = f"bank_11, rack_1, pi-11-7, with commas between{more}"
    parser.add_argument("--limit", metavar="NAMES", help=words)


def nodes_of(plan: AddressPlan, limit: str | None) -> tuple[str, ...]:
    """Names of the nodes that a limit names: nodes, banks and racks; empty without a limit.

    Raises:
        PiclusterError: a name is nobody's.
    """
    if limit is None:
        return ()
    wanted = [word.strip() for word in limit.split(",") if word.strip()]
    found: dict[str, None] = {}
    for word in wanted or [limit]:
        named = [
            node.name for node in plan.nodes if word == node.name or word in bank_groups(node.bank)
        ]
        if not named:
            raise refusal(f"no node and no group of nodes is called {word!a}", "bank_11, pi-11-7")
        found |= dict.fromkeys(named)
    return tuple(found)

"""What a caller asks for, checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from picluster.cluster.load import find_description
from picluster.errors import refusal, shown
from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan

#: One inventory source, or several: the cluster's first.
Inventory = str | Path | Sequence[str | Path]

_LIMIT = re.compile(r"[A-Za-z0-9_!~*&][A-Za-z0-9_!~*&.,:\[\]-]{0,2000}")


def sources_of(inventory: Inventory) -> list[Path]:
    """The sources of an inventory, the cluster's first.

    Raises:
        PiclusterError: there is none, or one is not there.
    """
    several = [inventory] if isinstance(inventory, (str, Path)) else list(inventory)
    sources = [Path(source) for source in several]
    if not sources:
        raise refusal("no inventory is named", "name a folder under inventory/")
    find_description(sources[0])
    for source in sources:
        if not source.exists():
            raise refusal("no such inventory source", "correct the path", file=source)
    return sources


def plan_of(inventory: Inventory) -> AddressPlan:
    """The address plan of an inventory's cluster.

    Raises:
        PiclusterError: the inventory, or its plan, is refused.
    """
    return read_plan(find_description(sources_of(inventory)[0]))


def limit_of(plan: AddressPlan, banks: Sequence[int], limit: str | None) -> str | None:
    """What ``--limit`` gets.

    Raises:
        PiclusterError: both are given, a bank is not described, or the limit is no pattern of
            names: a file (``@…``) or an option would be something else to Ansible.
    """
    if banks and limit:
        raise refusal("banks and limit are given", "give one of them")
    for bank in banks:
        if isinstance(bank, bool) or not isinstance(bank, int):
            raise refusal(f"bank {shown(bank)} is no number", "give numbers of banks")
        plan.cluster.bank(bank)  # refused unless described
    if limit is not None and (not isinstance(limit, str) or not _LIMIT.fullmatch(limit)):
        raise refusal(f"limit {shown(limit)} is no pattern of hosts", "such as bank_11,bank_12")
    return ",".join(f"bank_{bank}" for bank in banks) or limit

"""How the commands reach boot servers: as the user says, directly, or as the inventory says."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.campaign.live.reach import own_addresses
from picluster.cli.progress import Progress
from picluster.errors import PiclusterError, refusal
from picluster.net import dotted
from picluster.runner import find_project, run_playbook

if TYPE_CHECKING:
    from picluster.plan.model import AddressPlan

_PLAYBOOK = "playbooks/reach.yml"
_TASK = "Find the way to the boot servers"


def add_reach(parser: argparse.ArgumentParser) -> None:
    """Add what says where the journal and the boot servers are."""
    parser.add_argument("--journal", type=Path, metavar="FILE", help="the campaign's journal")
    parser.add_argument(
        "--via", action="append", default=[], metavar="SERVER=COMMAND",
        help="how a command runs on a boot server, 'mini-head=ssh root@10.0.0.5'; on the server "
        "itself directly, otherwise as the inventory connects to it",
    )  # fmt: skip


def reach_of_options(options: argparse.Namespace, plan: AddressPlan) -> dict[str, list[str]]:
    """Words before a command on each boot server that this machine is not.

    Args:
        options: with ``via`` and ``inventory``.
        plan: the plan, whose servers count.

    Raises:
        PiclusterError: a ``--via`` is not ``SERVER=COMMAND``, or the inventory knows no way.
    """
    found = _given(options.via)
    others = [
        server.name
        for server in plan.cluster.servers
        if server.name not in found and not own_addresses(dotted(server.address))
    ]
    project = _project(plan.cluster.path) if others else None
    if project is None:
        return found
    run = run_playbook(
        project,
        _PLAYBOOK,
        [options.inventory or plan.cluster.path],
        variables={"campaign_reach": found},
        watch=Progress().say,
    )
    run.check("finding the way to the boot servers")
    for result in run.of(_TASK):
        found |= {name: list(words) for name, words in result.data.get("reach", {}).items()}
    return found


def _given(texts: list[str]) -> dict[str, list[str]]:
    found = {}
    for text in texts:
        name, mark, command = text.partition("=")
        if not mark or not name:
            raise refusal(f"not SERVER=COMMAND: {text!a}", "mini-head='ssh root@10.0.0.5'")
        found[name] = shlex.split(command)
    return found


def _project(inventory: Path) -> Path | None:
    """The project whose playbook can be asked; a library alone goes by ssh to a server's name."""
    program = Path(sys.executable).with_name("ansible-playbook")
    if importlib.util.find_spec("ansible_runner") is None or not program.exists():
        return None
    try:
        return find_project(inventory)
    except PiclusterError:
        return None

"""Boot, look at, deploy to, reboot and shut down a cluster from another tool.

Playbooks are run by ansible-runner. Ansible itself is never imported, and ansible-runner only then.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from picluster.runner.events import Event, keep_failures
from picluster.runner.hidden import Secrets
from picluster.runner.project import default_inventory, find_project
from picluster.runner.result import BankResult, End, NodeResult, RunResult
from picluster.runner.run import Result, Run, run_playbook

if TYPE_CHECKING:
    from picluster.runner.actions import boot, reboot, shutdown, status
    from picluster.runner.packing import pack
    from picluster.runner.play import Options
    from picluster.runner.reported import result_of
    from picluster.runner.rollouts import deploy, undeploy
    from picluster.runner.turn import BusyError, CancelledError

__all__ = [
    "BankResult",
    "BusyError",
    "CancelledError",
    "End",
    "Event",
    "NodeResult",
    "Options",
    "Result",
    "Run",
    "RunResult",
    "Secrets",
    "boot",
    "default_inventory",
    "deploy",
    "find_project",
    "keep_failures",
    "pack",
    "reboot",
    "result_of",
    "run_playbook",
    "shutdown",
    "status",
    "undeploy",
]

#: What brings the campaigns with it: every command imports this package, few need those.
_LATER = {
    "boot": "actions",
    "deploy": "rollouts",
    "reboot": "actions",
    "result_of": "reported",
    "shutdown": "actions",
    "status": "actions",
    "undeploy": "rollouts",
    "pack": "packing",
    "Options": "play",
    "BusyError": "turn",
    "CancelledError": "turn",
}


def __getattr__(name: str) -> Any:
    """Import the rest when it is used."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)

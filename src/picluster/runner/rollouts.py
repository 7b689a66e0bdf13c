"""Deploy and undeploy workloads, for other tools."""

from __future__ import annotations

import re
from dataclasses import replace

from picluster.errors import refusal, shown
from picluster.runner.asked import Inventory, limit_of, plan_of
from picluster.runner.nodes import reported_nodes
from picluster.runner.play import Action, Options, play
from picluster.runner.result import RunResult

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,47}", re.ASCII)
#: Playbooks by what they do with a workload.
_ROLLOUTS = {
    "deploy": "playbooks/deploy.yml",
    "rollback": "playbooks/deploy.yml",
    "undeploy": "playbooks/undeploy.yml",
}


def deploy(
    inventory: Inventory,
    workload: str,
    *,
    version: str | None = None,
    action: str = "deploy",
    limit: str | None = None,
    check: bool = False,
    options: Options | None = None,
) -> RunResult:
    """Roll a workload out, back or off, bank by bank, by ``playbooks/deploy.yml``.

    Args:
        inventory: the cluster, and further inventory sources after it.
        workload: its name.
        version: of the workload; the one that was delivered last when ``None``.
        action: ``deploy``, ``rollback`` to the version before, or ``undeploy``.
        limit: hosts, as Ansible's ``--limit`` takes them.
        check: change nothing.
        options: how it is carried out.

    Returns:
        ``done`` when every board that is ready has it, ``short`` when one has not.

    Raises:
        BusyError: another run has the cluster.
        PiclusterError: refused, or the playbook failed without a report.
    """
    how, plan = options or Options(), plan_of(inventory)
    if action not in _ROLLOUTS:
        raise refusal(f"action is {shown(action)}", f"give one of {', '.join(_ROLLOUTS)}")
    variables = {"workload": workload, "rollout_action": action}
    for name, value, pattern in (("workload", workload, _NAME), ("version", version, _VERSION)):
        if value is not None and (not isinstance(value, str) or not pattern.fullmatch(value)):
            raise refusal(f"{name} {shown(value)} is no name", f"it matches {pattern.pattern}")
    if version is not None:
        variables["rollout_version"] = version
    telling = frozenset({"Roll the workload out"})
    return play(
        Action(
            "deploy", _ROLLOUTS[action], "picluster_deploy", "rollout_journal", "rollout_report",
            telling, reported_nodes,
        ),
        inventory, variables, limit=limit_of(plan, (), limit), check=check, options=how,
    )  # fmt: skip


def undeploy(
    inventory: Inventory,
    workload: str,
    *,
    limit: str | None = None,
    check: bool = False,
    options: Options | None = None,
) -> RunResult:
    """Take a workload off boards, bank by bank, by ``playbooks/undeploy.yml``.

    Args:
        inventory: the cluster, and further inventory sources after it.
        workload: its name.
        limit: hosts, as Ansible's ``--limit`` takes them.
        check: change nothing.
        options: how it is carried out.

    Returns:
        ``done`` when no board that is ready has it any more, ``short`` when one has not said so;
        its ``action`` is ``undeploy``.

    Raises:
        BusyError: another run has the cluster.
        PiclusterError: refused, or the playbook failed without a report.
    """
    done = deploy(inventory, workload, action="undeploy", limit=limit, check=check, options=options)
    return replace(done, action="undeploy")

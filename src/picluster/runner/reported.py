"""A result from a report alone: of a playbook that something else has run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from picluster.cluster.load import find_description
from picluster.errors import refusal, shown
from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan
from picluster.runner.asked import Inventory, sources_of
from picluster.runner.nodes import (
    bank_results,
    banks_in,
    boot_nodes,
    deploy_nodes,
    shutdown_nodes,
)
from picluster.runner.result import End, NodeResult, RunResult

_ENDS = {0: End.DONE, 3: End.SHORT, 130: End.CANCELLED}


def result_of(inventory: Inventory, statistics: Mapping[str, Any]) -> RunResult:
    """The result of a playbook that ansible-runner ran by itself, here or through a worker.

    Args:
        inventory: the cluster.
        statistics: ``event_data["artifact_data"]`` of the event ``playbook_on_stats``.

    Returns:
        As the function of the same action; but boards that are ready have no temperature, for the
        journal is on the machine that ran the campaign.

    Raises:
        PiclusterError: no report of this cluster is in it.
    """
    plan = read_plan(find_description(sources_of(inventory)[0]))
    makers = {
        "boot": _reported_boot, "shutdown": _reported_shutdown, "deploy": deploy_nodes,
        "reboot": deploy_nodes,
    }  # fmt: skip
    found = (name for name in makers if isinstance(statistics.get(f"picluster_{name}"), Mapping))
    name = next(found, "")
    if not name:
        raise refusal("the statistics hold no report", "see docs/runner.md")
    report = statistics[f"picluster_{name}"]
    if report.get("cluster") != plan.cluster.name:
        raise refusal(f"the report is of cluster {shown(report.get('cluster'))}", "name its own")
    try:
        end = _ENDS[report["status"]]
        return RunResult(
            name, plan.cluster.name, end, report["status"], tuple(makers[name](plan, report)),
            tuple(bank_results(report)), report=report,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise refusal(f"the report is damaged: {shown(error)}", "run the playbook again") from None


def _reported_boot(plan: AddressPlan, report: Mapping[str, Any]) -> Iterator[NodeResult]:
    return boot_nodes(plan, report, {}, banks_in(report, (), plan), over=True)


def _reported_shutdown(plan: AddressPlan, report: Mapping[str, Any]) -> Iterator[NodeResult]:
    return shutdown_nodes(plan, report, banks_in(report, (), plan))

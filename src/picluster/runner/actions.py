"""Boot, look, reboot and shut down, for other tools."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from picluster.campaign.live.campaign import Options as CampaignOptions
from picluster.campaign.live.connections import given
from picluster.campaign.live.status import BoardStatus, status_of
from picluster.campaign.settings import Settings
from picluster.errors import refusal, shown
from picluster.plan.model import AddressPlan
from picluster.runner.asked import Inventory, limit_of, plan_of
from picluster.runner.nodes import (
    banks_in,
    boot_nodes,
    reported_nodes,
    shutdown_nodes,
    status_node,
)
from picluster.runner.play import Action, Options, play
from picluster.runner.result import End, NodeResult, RunResult


def boot(
    inventory: Inventory,
    *,
    banks: Sequence[int] = (),
    limit: str | None = None,
    settings: Settings | None = None,
    fresh: bool = False,
    check: bool = False,
    options: Options | None = None,
) -> RunResult:
    """Boot banks and account for every board, by ``playbooks/boot.yml``.

    Args:
        inventory: the cluster, and further inventory sources after it.
        banks: numbers of the banks; all when there is none.
        limit: hosts instead, as Ansible's ``--limit`` takes them: whole banks.
        settings: the knobs of the campaign.
        fresh: give an unfinished campaign up instead of going on with it.
        check: switch nothing; ``lines`` and ``report`` of the result say what would be done.
        options: how it is carried out.

    Returns:
        ``done`` when every bank has its quorum, ``short`` when one has not, ``cancelled`` when it
        was cancelled: the same call goes on then.

    Raises:
        BusyError: another run has the cluster.
        PiclusterError: refused, and nothing was switched; or the playbook failed.
    """
    how, plan = options or Options(), plan_of(inventory)
    variables: dict[str, Any] = {"campaign_fresh": fresh}
    if settings is not None:
        variables["campaign_settings"] = asdict(settings)
    nodes, telling = partial(_boot_nodes, banks), frozenset({"Boot the banks"})
    return play(
        Action(
            "boot", "playbooks/boot.yml", "picluster_boot", "campaign_journal", "campaign_report",
            telling, nodes,
        ),
        inventory, variables, limit=limit_of(plan, banks, limit), check=check, options=how,
    )  # fmt: skip


def shutdown(
    inventory: Inventory,
    *,
    banks: Sequence[int] = (),
    limit: str | None = None,
    halt_s: float | None = None,
    check: bool = False,
    options: Options | None = None,
) -> RunResult:
    """Halt boards, then switch their banks off, by ``playbooks/shutdown.yml``.

    Args:
        inventory: the cluster, and further inventory sources after it.
        banks: numbers of the banks; all when there is none.
        limit: hosts instead: whole banks.
        halt_s: seconds boards may take to halt; the role's own when ``None``.
        check: ask and switch nothing.
        options: how it is carried out. A cancel waits until banks that are being switched off are
            off.

    Returns:
        ``done`` when every bank is off, ``short`` when one is not.

    Raises:
        BusyError: another run has the cluster.
        PiclusterError: refused, and nothing was switched; or the playbook failed.
    """
    how, plan = options or Options(), plan_of(inventory)
    variables: dict[str, Any] = {}
    if halt_s is not None:
        if isinstance(halt_s, bool) or not 0 <= halt_s < float("inf"):
            raise refusal(f"halt_s {shown(halt_s)} is no time", "give seconds")
        variables["shutdown_halt_s"] = halt_s
    nodes = partial(_shutdown_nodes, banks)
    telling = frozenset({"Plan the shutdown", "Switch the banks off"})
    return play(
        # what it has begun to switch off it switches to the end
        Action(
            "shutdown", "playbooks/shutdown.yml", "picluster_shutdown", "shutdown_journal",
            "shutdown_report", telling, nodes, mortal=False,
        ),
        inventory, variables, limit=limit_of(plan, banks, limit), check=check, options=how,
    )  # fmt: skip


def reboot(
    inventory: Inventory,
    *,
    hooks: Sequence[str] = (),
    limit: str | None = None,
    force: bool = False,
    check: bool = False,
    options: Options | None = None,
) -> RunResult:
    """Reboot boards into the image they are assigned, bank by bank, by ``playbooks/reboot.yml``.

    Args:
        inventory: the cluster, and further inventory sources after it.
        hooks: workloads whose hooks drain boards before and resume them after.
        limit: hosts, as Ansible's ``--limit`` takes them.
        force: reboot boards, too, that run the image they would boot.
        check: change nothing; ``lines`` and ``report`` of the result say what would be done.
        options: how it is carried out; ``variables`` take the role's other knobs.

    Returns:
        ``done`` when every board that is ready runs its image and is resumed, ``short`` when one is
        not, ``cancelled`` when it was cancelled: the same call goes on then.

    Raises:
        BusyError: another run has the cluster.
        PiclusterError: refused, and nothing was touched; or the playbook failed without a report.
    """
    how, plan = options or Options(), plan_of(inventory)
    variables: dict[str, Any] = {"reboot_hooks": list(hooks), "reboot_force": force}
    telling = frozenset({"Plan the reboot", "Make the report"})
    return play(
        Action(
            "reboot", "playbooks/reboot.yml", "picluster_reboot", "reboot_journal",
            "reboot_report", telling, reported_nodes,
        ),
        inventory, variables, limit=limit_of(plan, (), limit), check=check, options=how,
    )  # fmt: skip


def status(
    inventory: Inventory,
    *,
    banks: Sequence[int] = (),
    reach: Mapping[str, str | Sequence[str]] | None = None,
    offline: bool = False,
    journal: Path | None = None,
) -> RunResult:
    """How every board is, without Ansible: from the journal and what nodes said last.

    Args:
        inventory: the cluster.
        banks: numbers of the banks; all when there is none.
        reach: words before a command on a boot server, by its name: ``{"head": "ssh root@head"}``;
            nothing on the server itself, and ssh to its name elsewhere.
        offline: ask no boot server.
        journal: of the campaigns; ``None`` for the user's own.

    Returns:
        Always ``done``; servers that could not be asked are its ``problems``.

    Raises:
        PiclusterError: a bank is not described, or the journal is not this cluster's.
    """
    began, plan = time.monotonic(), plan_of(inventory)
    limit_of(plan, banks, None)
    chosen = CampaignOptions(tuple(banks), journal=journal, reach=given(reach or {}))
    boards, unread = status_of(plan, chosen, offline=offline)
    return RunResult(
        "status", plan.cluster.name, End.DONE, 0, tuple(map(status_node, boards)),
        problems=tuple(map(str, unread)), seconds=round(time.monotonic() - began, 3),
    )  # fmt: skip


def _kept(plan: AddressPlan, journal: Path) -> dict[str, BoardStatus]:
    boards, _ = status_of(plan, CampaignOptions(journal=journal), offline=True)
    return {board.name: board for board in boards}


def _boot_nodes(
    banks: Sequence[int],
    plan: AddressPlan,
    journal: Path,
    report: Mapping[str, Any],
    *,
    over: bool,
) -> Iterator[NodeResult]:
    wanted = banks_in(report, banks, plan)
    return boot_nodes(plan, report, _kept(plan, journal), wanted, over=over)


def _shutdown_nodes(
    banks: Sequence[int],
    plan: AddressPlan,
    journal: Path,
    report: Mapping[str, Any],
    *,
    over: bool,
) -> Iterator[NodeResult]:
    wanted = banks_in(report, banks, plan)
    if report and over:
        return shutdown_nodes(plan, report, wanted)
    kept = _kept(plan, journal).values()
    return (status_node(board) for board in kept if board.bank in wanted)

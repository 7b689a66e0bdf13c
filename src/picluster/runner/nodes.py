"""Nodes and banks of a result, from a playbook's report and the campaigns' journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from picluster.campaign.live.status import BoardStatus
from picluster.campaign.stages import Stage
from picluster.plan.model import AddressPlan, Node
from picluster.registry.model import State
from picluster.runner.result import BankResult, NodeResult

Report = Mapping[str, Any]
#: What the journal says of each board, by name.
Boards = Mapping[str, BoardStatus]

#: States that only a finished report knows.
_ASIDE = ("quarantined", "spare", "unplugged")
#: Outcomes of a board in a roll-out or reboot.
_WELL, _LEFT = ("ok", "unchanged"), ("failed", "unreachable", "undrained", "open", "untouched")


def rows(report: Report, key: str) -> list[Mapping[str, Any]]:
    """The rows of a table of a report."""
    return [row for row in report.get(key) or () if isinstance(row, Mapping)]


def banks_in(report: Report, banks: Iterable[int], plan: AddressPlan) -> set[int]:
    """The banks a run was about: those that were named, else those of its report, else all."""
    tables = (rows(report, "banks"), rows(report, "down"))
    reported = {int(row["bank"]) for table in tables for row in table if "bank" in row}
    return set(banks) or reported or {bank.number for bank in plan.cluster.banks}


def status_node(board: BoardStatus) -> NodeResult:
    """A node as its journal and its boot server know it."""
    stage = board.stage
    if board.failed:
        state = "failed"
    elif stage in (Stage.READY.value, Stage.OFF.value):
        state = "spare" if stage != Stage.READY.value and board.state == State.SPARE else stage
    else:
        state = "open"
    return NodeResult(
        board.name, board.bank, board.slot, board.address, state, stage, board.reason,
        board.remedy, board.attempts, board.temperature_c,
    )  # fmt: skip


def boot_nodes(
    plan: AddressPlan, report: Report, boards: Boards, banks: set[int], *, over: bool
) -> Iterator[NodeResult]:
    """Nodes after a campaign.

    Args:
        plan: the address plan.
        report: of the campaign, or empty.
        boards: what the journal says; may be empty where it is on another machine.
        banks: numbers of the banks.
        over: the campaign came to its end, so that its report has the last word.
    """
    down = {row.get("name"): row for row in rows(report, "down")}
    tries = {row["bank"]: int(row["attempts"]) for row in rows(report, "banks")}
    for node in _of(plan, banks):
        board, row = boards.get(node.name), down.get(node.name)
        if row is not None and (over or board is None or row["state"] in _ASIDE):
            yield NodeResult(
                *_place(node), row["state"], row["stage"], row["cause"], row["remedy"],
                int(row["attempts"]), row["temperature_c"],
            )  # fmt: skip
        elif board is not None:
            yield status_node(board)
        elif report:
            yield NodeResult(
                *_place(node), "ready", "ready", tries=tries.get(node.bank.number, 0)
            )  # fmt: skip


def shutdown_nodes(plan: AddressPlan, report: Report, banks: set[int]) -> Iterator[NodeResult]:
    """Nodes after a shutdown that switched."""
    ended = {row.get("bank"): row for row in rows(report, "banks")}
    unreachable = set(report.get("unreachable") or ())
    answering = set(report.get("answering") or ())
    for node in _of(plan, banks):
        bank = ended.get(node.bank.number, {})
        off, reason = bool(bank.get("off")), ""
        if node.name in unreachable:
            reason = "could not be asked to halt"
        elif node.name in answering:
            reason = "still answered when the time to halt was over"
        if not off:
            reason = str(bank.get("why") or reason or "its bank was not switched")
        state = "off" if off else "on"
        yield NodeResult(*_place(node), state, "off" if off else "", reason)


def deploy_nodes(plan: AddressPlan, report: Report) -> Iterator[NodeResult]:
    """Nodes of a deployment or a reboot: those its report names."""
    known = {node.name: node for node in plan.nodes}
    for row in rows(report, "boards"):
        if row["name"] in known:
            place = _place(known[row["name"]])
            yield NodeResult(*place, str(row["outcome"]), reason=str(row.get("reason") or ""))


def reported_nodes(
    plan: AddressPlan, journal: Path, report: Report, *, over: bool
) -> Iterator[NodeResult]:
    """The same, for an action whose report alone counts."""
    del journal, over
    return deploy_nodes(plan, report)


def bank_results(report: Report) -> Iterator[BankResult]:
    """The banks of a report of any kind."""
    for row in rows(report, "banks"):
        number, why = int(row["bank"]), str(row.get("why") or "")
        if "phase" in row:
            yield BankResult(number, str(row["phase"]), int(row["boards"]), int(row["ready"]), why)
        elif "off" in row:
            state = "off" if row["off"] else "on"
            yield BankResult(number, state, int(row["boards"]), int(row["halted"]), why)
        else:  # boards by outcome
            counts = {name: int(count) for name, count in row.items() if name != "bank"}
            good = sum(counts.get(name, 0) for name in _WELL)
            done = "deployed" if report.get("action") != "reboot" else "rebooted"
            state = "short" if any(counts.get(name) for name in _LEFT) else done
            boards = sum(counts.values())
            if counts.get("untouched", 0) + counts.get("absent", 0) == boards:
                state = "untouched"
            yield BankResult(number, state, boards, good, why)


def _of(plan: AddressPlan, banks: set[int]) -> Iterator[Node]:
    return (node for node in plan.nodes if node.bank.number in banks)


def _place(node: Node) -> tuple[str, int, int, str]:
    return node.name, node.bank.number, node.slot, node.address

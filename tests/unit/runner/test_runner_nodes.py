"""Nodes of a result, from a report and from the journal."""

from __future__ import annotations

from typing import Any

import pytest

from picluster.campaign.live.status import BoardStatus
from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan
from picluster.runner.nodes import (
    bank_results,
    banks_in,
    boot_nodes,
    deploy_nodes,
    shutdown_nodes,
    status_node,
)
from picluster.runner.result import BankResult, End, NodeResult, RunResult
from tests.conftest import MakeDescription

REGISTRY = "bank,slot,mac,state\n" + "".join(
    f"{b},{s},b8:27:eb:00:0{b}:0{s},{'spare' if (b, s) == (2, 2) else ''}\n"
    for b in (1, 2)
    for s in (1, 2)
)
DOWN = {
    "name": "pi-1-2",
    "bank": 1,
    "state": "failed",
    "stage": "tftp",
    "cause": "TFTP stalled",
    "remedy": "cycle it",
    "attempts": 3,
    "temperature_c": 61.5,
}
REPORT = {
    "banks": [{"bank": 1, "phase": "short", "boards": 2, "ready": 1, "attempts": 2, "why": "x"}],
    "down": [DOWN],
}


@pytest.fixture
def plan(description: MakeDescription) -> AddressPlan:
    return read_plan(description(registry=REGISTRY))


def board(name: str, stage: str, **changes: Any) -> BoardStatus:
    _, bank, slot = name.split("-")
    values: dict[str, Any] = {
        "name": name, "bank": int(bank), "slot": int(slot), "address": f"172.20.{bank}.{slot}",
        "mac": "", "state": "", "stage": stage, "since": "", "failed": False, "attempts": 1,
        "temperature_c": None, "heard": "", "reason": "", "remedy": "",
    }  # fmt: skip
    return BoardStatus(**{**values, **changes})


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (board("pi-1-1", "ready"), "ready"),
        (board("pi-1-1", "ready", state="spare"), "ready"),
        (board("pi-1-1", "off"), "off"),
        (board("pi-1-1", "off", state="spare"), "spare"),
        (board("pi-1-1", "kernel"), "open"),
        (board("pi-1-1", "kernel", failed=True), "failed"),
        (board("pi-1-1", "ready", failed=True), "failed"),
    ],
)
def test_the_state_of_a_board(one: BoardStatus, state: str) -> None:
    assert status_node(one).state == state


def test_a_finished_campaigns_report_has_the_last_word(plan: AddressPlan) -> None:
    boards = {
        "pi-1-1": board("pi-1-1", "ready", attempts=2, temperature_c=48.0),
        "pi-1-2": board("pi-1-2", "kernel"),
    }
    assert list(boot_nodes(plan, REPORT, boards, {1}, over=True)) == [
        NodeResult("pi-1-1", 1, 1, "172.20.1.1", "ready", "ready", tries=2, temperature_c=48.0),
        NodeResult(
            "pi-1-2", 1, 2, "172.20.1.2", "failed", "tftp", "TFTP stalled", "cycle it", 3, 61.5
        ),
    ]


def test_a_campaign_that_was_cut_short_leaves_boards_on_their_way(plan: AddressPlan) -> None:
    boards = {name: board(name, "kernel") for name in ("pi-1-1", "pi-1-2")}
    found = boot_nodes(plan, REPORT, boards, {1}, over=False)
    assert [node.state for node in found] == ["open", "open"]
    aside = {**REPORT, "down": [{**DOWN, "state": "quarantined"}]}
    found = boot_nodes(plan, aside, boards, {1}, over=False)
    assert [node.state for node in found] == ["open", "quarantined"]


def test_a_report_from_another_machine_is_enough(plan: AddressPlan) -> None:
    found = list(boot_nodes(plan, REPORT, {}, {1}, over=True))
    assert [(node.name, node.state, node.tries) for node in found] == [
        ("pi-1-1", "ready", 2),
        ("pi-1-2", "failed", 3),
    ]
    assert list(boot_nodes(plan, {}, {}, {1}, over=True)) == []


def test_nodes_of_a_shutdown(plan: AddressPlan) -> None:
    report = {
        "banks": [
            {"bank": 1, "boards": 2, "halted": 0, "off": True, "why": ""},
            {"bank": 2, "boards": 2, "halted": 1, "off": False, "why": "the relay is stuck"},
        ],
        "unreachable": ["pi-1-1"],
        "answering": ["pi-1-2", "pi-2-1"],
    }
    found = shutdown_nodes(plan, report, {1, 2})
    assert [(node.name, node.state, node.reason) for node in found] == [
        ("pi-1-1", "off", "could not be asked to halt"),
        ("pi-1-2", "off", "still answered when the time to halt was over"),
        ("pi-2-1", "on", "the relay is stuck"),
        ("pi-2-2", "on", "the relay is stuck"),
    ]
    assert list(bank_results(report)) == [
        BankResult(1, "off", 2, 0, ""),
        BankResult(2, "on", 2, 1, "the relay is stuck"),
    ]


def test_nodes_of_a_deployment_are_the_plans(plan: AddressPlan) -> None:
    report = {
        "banks": [
            {"bank": 1, "ok": 1, "unchanged": 1, "failed": 0, "unreachable": 0, "untouched": 0},
            {"bank": 2, "ok": 1, "unchanged": 0, "failed": 0, "unreachable": 1, "untouched": 0},
            {"bank": 3, "ok": 0, "unchanged": 0, "failed": 0, "unreachable": 0, "untouched": 2},
        ],
        "boards": [
            {"name": "pi-1-1", "bank": 1, "outcome": "ok", "reason": "", "seconds": 1.5},
            {"name": "pi-2-1", "bank": 2, "outcome": "unreachable", "reason": "ssh timed out"},
            {"name": "not-ours", "bank": 2, "outcome": "ok"},
            "no row",
        ],
    }
    found = deploy_nodes(plan, report)
    assert [(n.name, n.bank, n.state, n.reason) for n in found] == [
        ("pi-1-1", 1, "ok", ""),
        ("pi-2-1", 2, "unreachable", "ssh timed out"),
    ]
    assert list(bank_results(report)) == [
        BankResult(1, "deployed", 2, 2),
        BankResult(2, "short", 2, 1),
        BankResult(3, "untouched", 2, 0),
    ]


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ({"ok": 1, "open": 41}, "short"),
        ({"open": 42}, "short"),
        ({"ok": 1, "untouched": 41}, "short"),
        ({"untouched": 40, "absent": 2}, "untouched"),
        ({"absent": 42}, "untouched"),
        ({"ok": 40, "absent": 2}, "rebooted"),
        ({"undrained": 42}, "short"),
    ],
)
def test_a_bank_is_as_its_boards_are(counts: dict[str, int], state: str) -> None:
    zeros = dict.fromkeys(("ok", "unchanged", "failed", "open", "untouched"), 0)
    report = {"action": "reboot", "banks": [{"bank": 1, **zeros, **counts}]}
    (found,) = bank_results(report)
    assert (found.state, found.boards) == (state, 42)


def test_which_banks_it_was_about(plan: AddressPlan) -> None:
    assert banks_in(REPORT, (), plan) == {1}
    assert banks_in(REPORT, (2,), plan) == {2}
    assert banks_in({}, (), plan) == {1, 2}


def test_a_result_is_plain_data() -> None:
    node = NodeResult("pi-1-1", 1, 1, "172.20.1.1", "ready")
    result = RunResult("boot", "small", End.SHORT, 3, (node,))
    assert not result.ok
    assert result.counts() == {"ready": 1}
    assert result.node("pi-1-1") is node
    with pytest.raises(KeyError):
        result.node("pi-1-9")
    plain = result.plain()
    assert (plain["end"], plain["nodes"][0]["state"]) == ("short", "ready")

"""Twelve boards over three domains, as in Zurich: what agents are told, and a domain that is lost.

k3s is a stand-in that records how it is started: what Kubernetes does then is not shown here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from boards_support import campaign, until
from conftest import NAME
from kubernetes_support import expected, recorded, standin
from rollout_support import Rollouts, counts

from picluster.cluster.load import find_description
from picluster.plan.read import read_plan
from twin.boards.setup import Linux
from twin.cluster import LiveTwin, Wishes
from twin.cluster.passwords import environment
from twin.cluster.prepare import configure, publish
from twin.head import Head
from twin.head.places import TREE
from twin.rack import Rack
from twin.virtual.faults import NO_FAULTS, Plagues

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(1800)]
ZURICH = TREE / "inventory" / "zurich"
BANKS = (1, 2, 3)


def test_agents_of_three_domains(
    machine: None,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = read_plan(find_description(ZURICH))
    for name, value in environment(plan.cluster).items():
        monkeypatch.setenv(name, value)
    token = tmp_path / "token"
    token.write_text("0123456789abcdef")
    token.chmod(0o600)
    variables = {"workload": "kubernetes", "workload_kubernetes_token_file": str(token),
                 **standin(tmp_path, "1")}  # fmt: skip
    wishes = Wishes(Plagues(7, NO_FAULTS, {}), linux=Linux(1.0, 3_000_000), speed=6.0)
    name = f"{NAME}-zurich"
    with Rack(name, BANKS) as rack, Head.of(plan.cluster, name, rack) as head:
        configure(head, ZURICH, log=tmp_path / "head.log")
        publish(head, plan.cluster, ZURICH, log=tmp_path / "image.log")
        with LiveTwin(ZURICH, head, rack, wishes) as live:
            assert campaign(live, tmp_path / "journal.db", BANKS[:2]).ready == 8
            rollouts = Rollouts(live, tmp_path)
            _deploy(rollouts, variables, token.read_text())


def _deploy(rollouts: Rollouts, variables: dict[str, object], token: str) -> None:
    """Everywhere but in a domain that is without power, and comes back."""
    lost = [f"pi-3-{slot}" for slot in range(1, 5)]
    done = rollouts.playbook("deploy", "-e", json.dumps(variables))
    assert counts(rollouts.report()) == {"ok": 8, "absent": 4}, done.stdout
    rollouts.twin.power(lost, on=True)
    for board in lost:
        until(lambda b=board: rollouts.state(b, "kubernetes") == "ok", f"{board} has joined")
    for bank in BANKS:
        for slot in range(1, 5):
            board = f"pi-{bank}-{slot}"
            assert recorded(rollouts, board) == expected(
                rollouts, board, f"domain_{bank}", token
            ), board

"""Twelve boards over three domains, as in Zurich: what agents are told, and a domain that is lost.

k3s is a stand-in that records how it is started: what Kubernetes does then is not shown here.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from boards_support import until
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
SLOTS = (1, 2, 3, 4)
#: Times a board gets power: on a busy machine a boot ROM may have given up.
_TRIES = 4
_BOOT_S = 90.0


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
            _boot(live, [f"pi-{bank}-{slot}" for bank in BANKS[:2] for slot in SLOTS])
            rollouts = Rollouts(live, tmp_path)
            _deploy(rollouts, variables, token.read_text())


def _boot(live: LiveTwin, boards: list[str]) -> None:
    """Give boards power until all of them are ready."""
    for _ in range(_TRIES):
        down = [name for name in boards if not live.truth.boards()[name].ready]
        live.power(down, on=False)
        live.power(down, on=True)
        end = time.monotonic() + _BOOT_S
        while time.monotonic() < end:
            if all(live.truth.boards()[name].ready for name in boards):
                return
            time.sleep(0.5)
    down = [name for name in boards if not live.truth.boards()[name].ready]
    raise AssertionError(f"not ready: {down}")


def _deploy(rollouts: Rollouts, variables: dict[str, object], token: str) -> None:
    """Everywhere but in a domain that is without power, and comes back."""
    lost = [f"pi-3-{slot}" for slot in SLOTS]
    done = rollouts.playbook("deploy", "-e", json.dumps(variables))
    assert counts(rollouts.report()) == {"ok": 8, "absent": 4}, done.stdout
    _boot(rollouts.twin, lost)
    for board in lost:
        until(lambda b=board: rollouts.state(b, "kubernetes") == "ok", f"{board} has joined")
    for bank in BANKS:
        for slot in SLOTS:
            board = f"pi-{bank}-{slot}"
            assert recorded(rollouts, board) == expected(
                rollouts, board, f"domain_{bank}", token
            ), board

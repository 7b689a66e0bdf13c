"""A small cluster with everything power can have, and what tests ask of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan
from picluster.power.build import build_power
from picluster.power.model import Action, Outlet, OutletState, PowerModel, PowerPlan
from picluster.power.planning import plan_power
from picluster.power.targets import Targets
from tests.conftest import MakeDescription

#: Two banks of 4 with 3 and 4 boards, a bank fed by two halves, and one that shares an outlet.
BANKS = [
    {"number": 1, "size": 4, "rack": 1, "switch": "sw-1", "pdu": "pdu-1", "outlet": 1},
    {"number": 2, "size": 4, "rack": 1, "switch": "sw-2", "pdu": "pdu-1", "outlet": 2},
    {"number": 3, "size": 4, "rack": 2, "switch": "sw-2"},
    {"number": 4, "size": 2, "rack": 2, "switch": "sw-2"},
    {"number": 5, "size": 2, "rack": 2, "switch": "sw-2"},
]
POWER: dict[str, Any] = {
    "racks": [{"number": 1, "side": "front"}, {"number": 2, "side": "back"}],
    "switches": [{"name": "sw-1"}, {"name": "sw-2"}, {"name": "sw-core"}],
    "pdus": [
        {"name": "pdu-1", "driver": "synaccess", "outlets": 5, "address": "172.20.0.31"},
        {"name": "pdu-2", "driver": "apc", "outlets": 8, "address": "172.20.0.32"},
        {"name": "pdu-3", "driver": "manual"},
    ],
    "banks": BANKS,
    "supplies": [
        {"name": "half-a", "pdu": "pdu-2", "outlet": 1, "feeds": ["bank_3:1-2"]},
        {"name": "half-b", "pdu": "pdu-2", "outlet": 2, "feeds": ["bank_3:3,4"]},
        {"name": "both", "pdu": "pdu-2", "outlet": 3, "feeds": ["bank_4", "bank_5"]},
        {"name": "net-1", "pdu": "pdu-3", "outlet": 1, "feeds": ["sw-1"]},
        {"name": "net-2", "pdu": "pdu-3", "outlet": 2, "feeds": ["sw-2"], "watts": 50},
        {"name": "core", "pdu": "pdu-3", "outlet": 3, "feeds": ["sw-core"]},
        {"name": "box", "pdu": "pdu-3", "outlet": 4, "feeds": ["small-head"], "watts": 200},
    ],
    "power": {"board_watts": 10, "volts": 100, "stagger_s": 3, "switch_wait_s": 60},
    "power_order": [
        {"first": "sw-core", "then": ["sw-1", "sw-2"], "wait_s": 20, "why": "it links them"}
    ],
}


def registry() -> str:
    """Boards in every slot but the last of bank 1."""
    rows = []
    number = 0
    for bank in BANKS:
        for slot in range(1, bank["size"] + 1):  # type: ignore[operator]
            if (bank["number"], slot) != (1, 4):
                number += 1
                rows.append(f"{bank['number']},{slot},b8:27:eb:00:00:{number:02x}")
    return "bank,slot,mac\n" + "\n".join(rows) + "\n"


class Powered:
    """A cluster's power, with the plan of whatever is asked."""

    def __init__(self, plan: AddressPlan) -> None:
        self.addresses = plan
        self.model: PowerModel = build_power(plan)
        self.targets = Targets(plan, self.model)

    def plan(
        self,
        action: str,
        *targets: str,
        on: str = "",
        off: str = "",
        dead: tuple[str, ...] = (),
        cut_servers: bool = False,
    ) -> PowerPlan:
        """The plan with these outlets on or off (``pdu-1:1 pdu-1:2``; ``*`` for the rest)."""
        return plan_power(
            self.model,
            Action(action),
            self.targets.select(targets),
            self.states(on, off),
            dead=dead,
            cut_servers=cut_servers,
        )

    def states(self, on: str = "", off: str = "") -> dict[Outlet, OutletState]:
        states: dict[Outlet, OutletState] = {}
        for text, state in ((on, OutletState.ON), (off, OutletState.OFF)):
            if text == "*":
                states = dict.fromkeys(self.model.supplies, state) | states
            else:
                states |= {outlet(name): state for name in text.split()}
        return states


def outlet(text: str) -> Outlet:
    pdu, _, number = text.partition(":")
    return Outlet(pdu, int(number))


def steps(plan: PowerPlan) -> list[str]:
    """A plan's steps, one line each: number, action, outlet, what it waits for."""
    return [
        f"{step.number} {step.action} {step.outlet}"
        + (f" after {','.join(map(str, step.after))}" if step.after else "")
        + (f" +{step.wait_s:g}s" if step.wait_s else "")
        for step in plan.steps
    ]


MakePowered = Callable[..., Powered]


@pytest.fixture
def powered(description: MakeDescription) -> MakePowered:
    """The cluster above, with keys of its description replaced or (``None``) left out."""

    def make(**changes: object) -> Powered:
        return Powered(read_plan(described(description, **changes)))

    return make


def described(description: MakeDescription, **changes: object) -> Path:
    return description(registry=registry(), **{**POWER, **changes})

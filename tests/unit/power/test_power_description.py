"""What a description may say of power, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from power_cluster import described

from picluster.cluster.load import find_description, load_cluster
from picluster.errors import PiclusterError
from picluster.plan.build import build_plan
from picluster.plan.read import read_plan
from picluster.power.build import build_power
from picluster.power.model import Kind, Outlet
from picluster.registry.model import Registry
from tests.conftest import REPOSITORY, MakeDescription


def refused(path: Path) -> list[str]:
    """The problems of a description, without file and line."""
    with pytest.raises(PiclusterError) as caught:
        load_cluster_and_order(path)
    assert all(p.file == str(path) and p.line for p in caught.value.problems)
    return [f"{problem.what}; {problem.remedy}" for problem in caught.value.problems]


def load_cluster_and_order(path: Path) -> None:
    cluster = load_cluster(path)
    build_plan(cluster, Registry(cluster.registry, ()))


def test_everything_lands_in_the_model(description: MakeDescription) -> None:
    model = build_power(read_plan(described(description)))
    found = {
        str(outlet): (supply.name, [load.name for load in supply.loads], supply.watts)
        for outlet, supply in model.supplies.items()
    }
    assert found == {
        "pdu-1:1": ("bank_1", ["bank_1"], 40),
        "pdu-1:2": ("bank_2", ["bank_2"], 40),
        "pdu-2:1": ("half-a", ["bank_3"], 20),
        "pdu-2:2": ("half-b", ["bank_3"], 20),
        "pdu-2:3": ("both", ["bank_4", "bank_5"], 40),
        "pdu-3:1": ("net-1", ["sw-1"], 0),
        "pdu-3:2": ("net-2", ["sw-2"], 50),
        "pdu-3:3": ("core", ["sw-core"], 0),
        "pdu-3:4": ("box", ["small-head"], 200),
    }
    assert model.outlets_of_bank(3) == (Outlet("pdu-2", 1), Outlet("pdu-2", 2))
    assert model.outlets_of_node("pi-3-4") == (Outlet("pdu-2", 2),)
    assert model.supplies[Outlet("pdu-1", 1)].nodes == ("pi-1-1", "pi-1-2", "pi-1-3")
    assert model.supplies[Outlet("pdu-3", 4)].loads[0].kind is Kind.SERVER


def test_nothing_of_it_has_to_be_described(description: MakeDescription) -> None:
    model = build_power(read_plan(description(registry="bank,slot,mac\n")))
    assert (model.supplies, model.circuits, model.limits.max_banks_on) == ({}, (), None)


@pytest.mark.parametrize("name", ["policebox", "mini", "zurich", "bench"])
def test_ready_inventories_have_power(repository: Path, name: str) -> None:
    plan = read_plan(find_description(repository / "inventory" / name))
    model = build_power(plan)
    fed = {node for supply in model.supplies.values() for node in supply.nodes}
    assert fed == {node.name for node in plan.nodes}


def test_boards_behind_poe_hang_on_their_switch_port(repository: Path) -> None:
    plan = read_plan(find_description(repository / "inventory" / "zurich"))
    model = build_power(plan)
    assert model.outlets_of_node("pi-2-3") == (Outlet("poe-2", 3),)
    assert model.cuts_alone("pi-2-3")
    assert model.pdus["poe-2"].switch == "sw-2"


def test_a_bank_on_one_outlet_is_not_cut_board_by_board(repository: Path) -> None:
    model = build_power(read_plan(find_description(repository / "inventory" / "mini")))
    assert not model.cuts_alone("pi-1-1")


REFUSED = yaml.safe_load((REPOSITORY / "tests/fixtures/power/refused.yml").read_text())


@pytest.mark.parametrize("entry", REFUSED, ids=[entry["case"] for entry in REFUSED])
def test_what_is_refused(description: MakeDescription, entry: dict[str, Any]) -> None:
    path = described(description, **entry["changes"])
    assert refused(path) == entry["problems"]


def test_two_banks_may_be_one_power_domain(description: MakeDescription) -> None:
    model = build_power(read_plan(described(description)))
    supply = model.supplies[Outlet("pdu-2", 3)]
    assert (supply.banks, supply.nodes) == ((4, 5), ("pi-4-1", "pi-4-2", "pi-5-1", "pi-5-2"))


def test_a_long_chain_of_rules_is_no_circle(description: MakeDescription) -> None:
    names = [f"s-{i}" for i in range(3000)]
    path = description(
        registry="bank,slot,mac\n",
        switches=[{"name": name} for name in ["sw-1", "sw-2", *names]],
        power_order=[{"first": a, "then": [b]} for a, b in pairwise(names)],
    )
    cluster = load_cluster(path)
    assert build_plan(cluster, Registry(cluster.registry, ())).nodes == ()


def test_the_circle_points_at_a_rule_of_it(description: MakeDescription) -> None:
    path = described(
        description,
        power_order=[
            {"first": "sw-core", "then": ["sw-1"]},
            {"first": "sw-2", "then": ["sw-core"]},
            {"first": "sw-core", "then": ["sw-2"]},
        ],
    )
    with pytest.raises(PiclusterError) as caught:
        read_plan(path)
    line = caught.value.problems[0].line or 0
    assert path.read_text().splitlines()[line - 1].strip() == "- first: sw-2"

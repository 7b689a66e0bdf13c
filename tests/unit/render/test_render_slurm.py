"""What Slurm is told of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from picluster.plan.read import read_plan
from picluster.render.configuration import render
from picluster.render.slurm import folded

if TYPE_CHECKING:
    from tests.conftest import MakeDescription


def lines(text: str) -> list[str]:
    """Those that are no comment."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def registry(*rows: tuple[int, int, str]) -> str:
    """Boards in slots, with their states."""
    made = [
        f"{bank},{slot},b8:27:eb:00:{bank:02x}:{slot:02x},{state}\n" for bank, slot, state in rows
    ]
    return "".join(["bank,slot,mac,state\n", *made])


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([7], "7"), ([1, 2], "[1-2]"), ([1, 2, 3, 5, 8, 9], "[1-3,5,8-9]"), ([3, 5], "[3,5]")],
)
def test_numbers_are_folded(numbers: list[int], text: str) -> None:
    assert folded(numbers) == text


def test_banks_and_domains_are_partitions_and_switches(description: MakeDescription) -> None:
    rows = [(1, 1, ""), (1, 2, ""), (1, 4, ""), (2, 1, "quarantined"), (2, 2, "spare")]
    plan = read_plan(
        description(
            registry=registry(*rows, (2, 3, ""), (3, 1, ""), (5, 1, "quarantined")),
            banks=[
                {"number": 1, "size": 4, "domain": "north"},
                {"number": 2, "size": 4, "domain": 2},
                {"number": 3, "size": 4, "domain": "north"},
                {"number": 4, "size": 4, "domain": "empty"},
                {"number": 5, "size": 4},
            ],
        )
    )
    assert lines(render(plan, "slurm")) == [
        "ClusterName=small",
        "NodeName=pi-1-[1-2,4] NodeAddr=172.20.1.[1-2,4]",
        "NodeName=pi-2-3 NodeAddr=172.20.2.3",
        "NodeName=pi-3-1 NodeAddr=172.20.3.1",
        "PartitionName=all Nodes=ALL Default=YES",
        "PartitionName=bank_1 Nodes=pi-1-[1-2,4]",
        "PartitionName=bank_2 Nodes=pi-2-3",
        "PartitionName=bank_3 Nodes=pi-3-1",
        "PartitionName=domain_north Nodes=pi-1-[1-2,4],pi-3-1",
        "PartitionName=domain_2 Nodes=pi-2-3",
    ]
    assert lines(render(plan, "slurm", "topology")) == [
        "SwitchName=bank_1 Nodes=pi-1-[1-2,4]",
        "SwitchName=bank_2 Nodes=pi-2-3",
        "SwitchName=bank_3 Nodes=pi-3-1",
        "SwitchName=domain_north Switches=bank_[1,3]",
        "SwitchName=domain_2 Switches=bank_2",
        "SwitchName=core Switches=domain_north,domain_2",
    ]


def test_a_bank_that_fills_two_octets_has_a_line_for_each(description: MakeDescription) -> None:
    rows = [(1, slot, "") for slot in (1, 255, 256, 257, 600)]
    text = "bank,slot,mac,state\n" + "".join(
        f"{bank},{slot},b8:27:eb:01:{slot // 256:02x}:{slot % 256:02x},\n" for bank, slot, _ in rows
    )
    plan = read_plan(
        description(registry=text, bank_stride=1024, banks=[{"number": 1, "size": 600}])
    )
    assert lines(render(plan, "slurm"))[1:4] == [
        "NodeName=pi-1-[1,255] NodeAddr=172.20.4.[1,255]",
        "NodeName=pi-1-[256-257] NodeAddr=172.20.5.[0-1]",
        "NodeName=pi-1-600 NodeAddr=172.20.6.88",
    ]


def test_a_cluster_without_boards_has_no_partition(description: MakeDescription) -> None:
    plan = read_plan(description(registry="bank,slot,mac\n"))
    assert lines(render(plan, "slurm")) == ["ClusterName=small"]
    assert lines(render(plan, "slurm", "topology")) == []

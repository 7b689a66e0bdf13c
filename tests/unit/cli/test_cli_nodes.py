"""Nodes that a person names for a command."""

from __future__ import annotations

import pytest

from picluster.cli.nodes import nodes_of
from picluster.errors import PiclusterError
from picluster.plan.read import read_plan
from tests.conftest import REPOSITORY


def test_nodes_are_named_one_by_one_and_by_groups() -> None:
    plan = read_plan(REPOSITORY / "inventory" / "zurich" / "cluster.picluster.yml")
    assert nodes_of(plan, None) == ()
    assert nodes_of(plan, "pi-2-2") == ("pi-2-2",)
    bank = tuple(f"pi-2-{slot}" for slot in range(1, 5))
    assert nodes_of(plan, "bank_2") == bank
    assert nodes_of(plan, "pi-1-1, bank_2,pi-2-2") == ("pi-1-1", *bank)
    assert nodes_of(plan, "domain_2") == bank
    assert len(nodes_of(plan, "pi")) == len(plan.nodes)
    for word in ("", ",", "bank_22", "pi-2-22", "bank_*", "!bank_1"):
        with pytest.raises(PiclusterError, match="no node and no group of nodes is called"):
            nodes_of(plan, word)

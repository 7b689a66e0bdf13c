"""Switches of the live twin: what real bridges learned, harvested, and ports that feed by PoE."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import NAME

from picluster.cluster.load import find_description
from picluster.plan.model import AddressPlan, Node
from picluster.plan.read import read_plan
from picluster.registry.file import load_registry
from twin.cluster.inventory import override
from twin.cluster.passwords import environment
from twin.cluster.pdus import Pdus
from twin.cluster.switches import Switches
from twin.cluster.wishes import Wishes
from twin.rack import Rack

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
BIN = Path(sys.executable).parent
#: One frame from a MAC address to everybody.
SPEAK = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
    wire.bind((sys.argv[1], 0))
    wire.send(b"\\xff" * 6 + bytes.fromhex(sys.argv[2]) + b"\\x08\\x00" + bytes(46))
"""


@dataclass
class Zurich:
    """Three switches that feed four boards each by PoE; nobody has spoken yet."""

    rack: Rack
    plan: AddressPlan
    inventory: Path
    fed: list[tuple[list[str], bool]] = field(default_factory=list)

    def speak(self, node: Node) -> None:
        """Let a board's MAC address be learned."""
        interface = self.rack.bank_interface(node.bank.number)
        digits = str(node.mac).replace(":", "")
        self.rack.namespace.run([sys.executable, "-c", SPEAK, interface, digits])

    def run(self, *words: str, status: int = 0) -> str:
        """Run ``picluster`` on the inventory."""
        environ = os.environ | environment(self.plan.cluster)
        environ |= {"HOME": str(self.inventory.parent), "COLUMNS": "200"}
        done = subprocess.run(
            [BIN / "picluster", *words, "-i", str(self.inventory)],
            env=environ, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def zurich(repository: Path, tmp_path: Path) -> Iterator[Zurich]:
    inventory = tmp_path / "zurich"
    shutil.copytree(repository / "inventory" / "zurich", inventory)
    plan = read_plan(find_description(inventory))
    with ExitStack() as stack:
        banks = [bank.number for bank in plan.cluster.banks]
        rack = stack.enter_context(Rack(f"{NAME}-switches", banks))
        world = Zurich(rack, plan, inventory)
        pdus = Pdus(plan, Wishes(), lambda names, on: world.fed.append((names, on)))
        stack.enter_context(pdus)
        assert pdus.missing == []
        switches = stack.enter_context(Switches(plan, rack, pdus.poe, tmp_path))
        override(find_description(inventory), switches.overrides)
        yield world


@pytest.mark.parametrize(
    "sources", [["ssh:sw-1", "ssh:sw-2", "ssh:sw-3"], ["unifi:unifi"]], ids=["ssh", "unifi"]
)
def test_boards_that_spoke_are_harvested_where_they_are(zurich: Zurich, sources: list[str]) -> None:
    silent = zurich.plan.nodes[5]
    spoke = [node for node in zurich.plan.nodes if node is not silent]
    for node in spoke:
        zurich.speak(node)
    zurich.run("harvest", "--fresh", "--write", "--accept-new-host-keys", *sources)
    registry = load_registry(zurich.inventory / "macs.csv")
    found = {entry.key: str(entry.mac) for entry in registry.entries if entry.mac is not None}
    assert found == {(node.bank.number, node.slot): str(node.mac) for node in spoke}


def test_one_board_is_cycled_by_its_port(zurich: Zurich) -> None:
    zurich.run("power", "on", "pi-2-3", "pi-3-1", "--yes")
    assert sorted(zurich.fed) == [(["pi-2-3"], True), (["pi-3-1"], True)]
    zurich.fed.clear()
    said = zurich.run("power", "cycle", "pi-2-3", "--yes")
    assert zurich.fed == [(["pi-2-3"], False), (["pi-2-3"], True)], said
    assert re.search(r"^poe-2:3 +on ", zurich.run("power", "status", "pi-2-3"), re.MULTILINE)
    assert re.search(r"^poe-2:4 +off ", zurich.run("power", "status", "pi-2-4"), re.MULTILINE)

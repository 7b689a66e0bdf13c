"""The nodes of a boot server as its daemons read them."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import node_plan
from node_plan import Node, PlanError, PlanFile, parse_nodes
from picluster.plan.read import read_plan
from picluster.render.configuration import render

TEXT = """\
address,mac,name,image
172.20.1.1,b8:27:eb:00:00:01,pi-1-1,canary
172.20.2.7,dc:a6:32:00:00:07,pi-2-7,debian-12-3f2a90c1d4
"""
NODES = {
    "172.20.1.1": Node("172.20.1.1", "b8:27:eb:00:00:01", "pi-1-1"),
    "172.20.2.7": Node("172.20.2.7", "dc:a6:32:00:00:07", "pi-2-7"),
}


def test_nodes_by_address() -> None:
    assert parse_nodes(TEXT, "f") == NODES
    assert parse_nodes("# made from a description\n" + TEXT, "f") == NODES
    assert parse_nodes("address,mac,name,image\n", "f") == {}


@pytest.mark.parametrize("name", ["policebox", "mini", "zurich", "bench"])
def test_what_is_rendered_is_read(repository: Path, name: str) -> None:
    plan = read_plan(repository / "inventory" / name / "cluster.picluster.yml")
    nodes = parse_nodes(render(plan, "nodes"), "f")
    assert list(nodes.values()) == [Node(n.address, n.mac, n.name) for n in plan.nodes]


@pytest.mark.parametrize(
    "line",
    [
        "172.20.1.1,b8:27:eb:00:00:02,pi-1-2,current",  # an address twice
        "172.20.1.2,b8:27:eb:00:00:01,pi-1-2,current",  # a MAC address twice
        "172.20.1.02,b8:27:eb:00:00:02,pi-1-2,current",
        "172.20.1.256,b8:27:eb:00:00:02,pi-1-2,current",
        "172.20.1.2,B8:27:EB:00:00:02,pi-1-2,current",
        "172.20.1.2,b8:27:eb:00:00:02,pi 1-2,current",
        "172.20.1.2,b8:27:eb:00:00:02,../x,current",
        "172.20.1.2,b8:27:eb:00:00:02,pi-1-2,../x",
        "172.20.1.2,b8:27:eb:00:00:02,pi-1-2",
        "172.20.1.2,b8:27:eb:00:00:02,pi-1-2,current,x",
        "172.20.1.2,b8:27:eb:00:00:02,pi-1-2,current\r",
    ],
)
def test_a_bad_line_is_named(line: str) -> None:
    with pytest.raises(PlanError, match=r"^f:4: .*" + re.escape(ascii(line)[1:-1][:40])):
        parse_nodes(TEXT + line + "\n", "f")


@pytest.mark.parametrize("text", ["", "address,mac,name\n", "\n172.20.1.1,b8:27:eb:00:00:01,x,y\n"])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match=r"^f: the first line is not address,mac,name,image"):
        parse_nodes(text, "f")


def test_a_replaced_file_is_seen_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "nodes.csv"
    plan = PlanFile(path)
    with pytest.raises(PlanError, match=r"nodes\.csv"):
        plan.refresh(0)
    assert plan.nodes == {}
    path.write_text(TEXT)
    assert plan.refresh(0.9) is False
    assert plan.refresh(1.0) is True
    assert plan.nodes == NODES
    assert plan.refresh(2.0) is False


def test_a_refused_file_changes_nothing_and_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "nodes.csv"
    path.write_text(TEXT)
    plan = PlanFile(path)
    plan.refresh(0)
    for now, bad in ((10, "nonsense\n"), (20, TEXT + "x\n"), (30, "\u20ac\n")):
        fresh = tmp_path / "fresh"
        fresh.write_text(bad)
        fresh.replace(path)
        with pytest.raises(PlanError):
            plan.refresh(now)
        assert plan.refresh(now + 5) is False
        assert plan.nodes == NODES
    path.unlink()
    with pytest.raises(PlanError):
        plan.refresh(40)
    assert plan.nodes == NODES


@pytest.mark.parametrize("role", ["node_services", "message_server", "host_authority"])
def test_the_daemons_are_python_3_9(repository: Path, role: str) -> None:
    modules = sorted((repository / "roles" / role / "files").glob("*.py"))
    assert modules
    for module in modules:
        ast.parse(module.read_text(encoding="utf-8"), str(module), feature_version=(3, 9))


def test_the_check_of_a_file(tmp_path: Path) -> None:
    def check(text: str) -> tuple[int, str]:
        path = tmp_path / "nodes.csv"
        path.write_text(text)
        words = [sys.executable, "-E", "-s", "-B", node_plan.__file__, str(path)]
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env={**os.environ}
        )
        return done.returncode, done.stderr

    assert check(TEXT) == (0, "")
    status, said = check(TEXT + "x\n")
    assert status == 1
    assert said == f"{tmp_path}/nodes.csv:4: not one node of its own: 'x'; run site.yml again\n"

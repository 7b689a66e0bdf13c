"""A link for every node: all at once, one by one never half, and 65,000 in seconds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.plugins.modules.killing import NO_DISK, runs_killed

RunModules = Callable[[list[tuple[str, dict[str, Any], bool]]], list[dict[str, Any]]]

HEADER = "address,mac,name,image\n"


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NO_DISK:
        monkeypatch.setattr(os, name, lambda *_: None)


def row(bank: int, slot: int, image: str) -> str:
    return f"172.20.{bank}.{slot},b8:27:eb:00:{bank:02x}:{slot:02x},pi-{bank}-{slot},{image}\n"


def links(folder: Path) -> dict[str, str]:
    return {path.name: str(path.readlink()) for path in folder.iterdir()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A TFTP root with version v1, and pointers to the bare boot files."""
    root = tmp_path / "tftp"
    for folder in (root / "images" / "v1", root / "boot"):
        folder.mkdir(parents=True)
    for name in ("current", "canary"):
        (root / "images" / name).symlink_to("../boot")
    return root


def test_the_module(run_modules: RunModules, root: Path, tmp_path: Path) -> None:
    first, second, wrong = (tmp_path / name for name in ("first.csv", "second.csv", "wrong.csv"))
    first.write_text(HEADER + row(1, 1, "canary") + row(2, 1, "current") + row(2, 2, "current"))
    second.write_text(HEADER + row(1, 1, "v1") + row(2, 2, "current") + row(2, 3, "current"))
    wrong.write_text(HEADER + row(1, 1, "v9") + row(1, 2, "v9") + row(2, 1, "v8") + row(3, 1, "v9"))
    (root / "nodes").mkdir()
    (root / "nodes" / ".new").symlink_to("left by a killed run")
    (root / "nodes" / "10.0.0.1").write_text("somebody's")
    calls = [
        (first, True), (first, False), (first, False), (wrong, True), (wrong, False),
        (second, True), (second, False), (tmp_path / "no.csv", False), (tmp_path / "no.csv", True),
    ]  # fmt: skip
    results = run_modules(
        [
            ("tftp_nodes", {"nodes": str(path), "tftp_root": str(root)}, check)
            for path, check in calls
        ]
    )
    changed = [result["changed"] for result in results]
    assert changed == [True, True, False, False, False, True, True, False, True]
    refusal = (
        f"not in {root}/images: image v9 of banks 1, 3 (3 nodes); image v8 of bank 2 (1 nodes); "
        "publish it (playbooks/image.yml) or change image in the description"
    )
    assert [result["msg"] for result in results[3:5]] == [refusal, refusal]
    assert results[1]["nodes"] == 3
    assert (
        results[5]["diff"]
        == results[6]["diff"]
        == {
            "before": "172.20.1.1 -> canary\n172.20.2.1 -> current\n",
            "after": "172.20.1.1 -> v1\n172.20.2.3 -> current\n",
        }
    )
    assert links(root / "nodes") == {
        "172.20.1.1": "../images/v1",
        "172.20.2.2": "../images/current",
        "172.20.2.3": "../images/current",
    }
    assert "cannot be read" in results[7]["msg"]


def test_a_killed_run_leaves_every_link_old_or_new(node_links: ModuleType, root: Path) -> None:
    folder = root / "nodes"
    old = {f"172.20.1.{slot}": "../images/current" for slot in range(1, 6)}
    new = {f"172.20.1.{slot}": "../images/v1" for slot in range(3, 9)}
    states = 0

    def run() -> None:
        node_links.apply(folder, node_links.found(folder), new)

    node_links.apply(folder, {}, old)
    for _ in runs_killed(run):
        states += 1
        for name, target in links(folder).items():
            assert name == ".new" or target in (old.get(name), new.get(name))
        assert links(folder).keys() - {".new"} >= old.keys() & new.keys()
        node_links.apply(folder, node_links.found(folder), old)
        assert links(folder) == old
    assert states > 10
    assert links(folder) == new


def test_the_daemon_can_pass_whatever_the_umask(node_links: ModuleType, root: Path) -> None:
    before = os.umask(0o077)
    try:
        node_links.apply(root / "nodes", {}, {"172.20.1.1": "../images/v1"})
    finally:
        os.umask(before)
    assert (root / "nodes").stat().st_mode & 0o777 == 0o755


def test_a_full_network_takes_seconds(
    node_links: ModuleType, image_use: ModuleType, root: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "nodes.csv"
    spent = []
    for images in (("canary", "current"), ("v1", "v1")):
        rows = (row(n, s, images[n > 0]) for n in range(256) for s in range(1, 255))
        plan.write_text(HEADER + "".join(rows))
        start = time.process_time()
        nodes = image_use.planned(plan)
        node_links.refuse_absent(nodes, root / "images")
        wanted = node_links.links_of(nodes)
        node_links.apply(root / "nodes", node_links.found(root / "nodes"), wanted)
        spent.append(time.process_time() - start)
        assert links(root / "nodes") == wanted
        assert len(wanted) == 65_024
    assert max(spent) < 15, spent

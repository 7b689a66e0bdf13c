"""playbooks/boot.yml and shutdown.yml find a real head by the way Ansible knows, and look at it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from head_support import MINI

from twin.head.playbook import play

if TYPE_CHECKING:
    from twin.head import Head

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(name="cluster")
def mini_with_programs(tmp_path: Path) -> Path:
    """``mini``, whose PDU is a program that says that all is off."""
    folder = tmp_path / "mini"
    folder.mkdir()
    shutil.copy(MINI / "macs.csv", folder)
    description = yaml.safe_load((MINI / "cluster.picluster.yml").read_text())
    says_off = [sys.executable, "-c", "print('off')"]
    commands = dict.fromkeys(("on", "off", "status"), says_off)
    description["pdus"] = [{"name": "pdu-1", "driver": "command", "commands": commands}]
    (folder / "cluster.picluster.yml").write_text(yaml.safe_dump(description, sort_keys=False))
    return folder


def test_a_head_behind_ssh_is_found_and_its_services_are_tried(
    configured_head: Head, cluster: Path
) -> None:
    outcome = play(configured_head, cluster, "playbooks/boot.yml", ["--check"])
    assert outcome.status == 0, outcome.explain()
    (found,) = (
        result["preview"]
        for one in outcome.plays
        for task in one["tasks"]
        for result in task["hosts"].values()
        if "preview" in result
    )
    services = {one["name"]: one["why"] for one in found["services"]}
    assert services == dict.fromkeys(
        (f"{name} on mini-head" for name in ("TFTP", "NFS", "receiver of messages")), ""
    )
    assert [(bank["banks"], bank["on"], bank["boards"]) for bank in found["banks"]] == [
        ([1], False, 42),
        ([2], False, 42),
    ]


def test_a_head_hears_who_still_answers(
    configured_head: Head, cluster: Path, tmp_path: Path
) -> None:
    """Nobody was asked, so the wait is short; the head itself answers its own echo requests."""
    task = {
        "picluster_shutdown": {
            "step": "wait",
            "description": str(cluster / "cluster.picluster.yml"),
            "nodes": "{{ groups['pi'] }}",
            "asked": ["pi-1-1"],
            "limit_s": 3,
            "reach": "{{ way.reach }}",
        }
    }
    find = {"picluster_reach": {"servers": ["mini-head"]}, "register": "way"}
    book = tmp_path / "wait.yml"
    plays = [{"hosts": "localhost", "gather_facts": False, "tasks": [find, task]}]
    book.write_text(json.dumps(plays))
    configured_head.exec(["ip", "address", "add", "172.20.1.1/32", "dev", "lo"])
    try:
        heard = play(configured_head, cluster, str(book))
    finally:
        configured_head.exec(["ip", "address", "del", "172.20.1.1/32", "dev", "lo"])
    silent = play(configured_head, cluster, str(book))
    answers = [
        result["answering"]
        for outcome in (heard, silent)
        for result in outcome.plays[0]["tasks"][1]["hosts"].values()
    ]
    assert answers == [["pi-1-1"], []]

"""A real kernel boots, mounts what workloads share, runs what is assigned, and keeps its limit."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from boards_support import run, until
from head_support import MINI
from image_support import Booted, powered

from picluster.rollout.pack import Parts, pack
from twin.cluster.inventory import write_inventory
from twin.head.places import TREE
from twin.machine import told

if TYPE_CHECKING:
    from twin.head import Head
    from twin.machine.login import Login
    from twin.rack import Rack

pytestmark = [pytest.mark.boots, pytest.mark.long, pytest.mark.timeout(1800)]

NODE = "pi-2-11"
EXAMPLE = TREE / "roles" / "workload_example" / "files" / "workload"
#: Takes four times the memory that it gets.
GREEDY = {
    "run": '#!/bin/sh\nexec python3 -c \'import time; b = bytearray(b"x") * (160 << 20); '
    'open("held", "w"); time.sleep(1000)\'\n',
    "check": '#!/bin/sh\ntest -e "$DATA/held" || { echo "it holds nothing"; exit 1; }\n',
    "workload.conf": "memory_mib=40\nstart_s=25\n",
}


class Store:
    """Versions of the example on a head, rolled out by the command.

    Args:
        head: a configured head.
        folder: place for archives, an inventory and reports.
    """

    def __init__(self, head: Head, folder: Path) -> None:
        self.head, self.folder = head, folder
        self.inventory = folder / "inventory"
        write_inventory(MINI, self.inventory, head, proxy="", overrides={}, hosts={})

    def deliver(self, version: str, source: Path, **settings: str) -> None:
        """Bring a version to the head."""
        archive = self.folder / f"{version}.tar"
        pack("example", version, Parts(source, settings=settings), archive)
        place = self.head.exports / "export/workloads/artefacts/example" / version
        place.mkdir(parents=True)
        shutil.unpack_archive(archive, place, filter="tar")

    def deploy(self, *words: str) -> dict[str, Any]:
        """Run ``picluster deploy example`` for the node; what it says of that board."""
        report = self.folder / "report.json"
        command = [str(Path(sys.executable).with_name("picluster")), "deploy", "example", *words]
        command += ["-i", str(self.inventory), "--limit", NODE, "--report", str(report)]
        command += ["--answer-s", "120"]  # a node that is emulated takes its time
        command += ["--via", f"{self.head.host}=podman exec -i {self.head.places.container}"]
        done = run([*command, "--journal", str(self.folder / "journal.db")])
        assert done.returncode in (0, 3), done.stderr
        (board,) = json.loads(report.read_text())["boards"]
        return dict(board)

    def state(self, address: str) -> str:
        """How the workload is on a node, as it said last; empty for nothing."""
        path = f"/run/picluster/works/{address}.json"
        text = self.head.exec(["sh", "-c", f"cat {path} 2>/dev/null || echo '{{}}'"])
        return str(json.loads(text).get("works", {}).get("example", {}).get("state", ""))


@pytest.fixture
def store(configured_head: Head, tmp_path: Path) -> Store:
    found = Store(configured_head, tmp_path)
    found.deliver("qemu-1", EXAMPLE, GREETING="hello")
    greedy = tmp_path / "greedy"
    greedy.mkdir()
    for name, text in GREEDY.items():
        (greedy / name).write_text(text)
    found.deliver("qemu-2", greedy)
    return found


def test_a_booted_node_runs_what_is_assigned_and_no_more_than_its_memory(
    debian_image: dict[str, Any],  # noqa: ARG001 - what it boots
    store: Store,
    rack: Rack,
    login: Login,
    tmp_path: Path,
) -> None:
    # Before it has booted: it converges by itself.
    assert store.deploy("--version", "qemu-1")["outcome"] == "absent"
    with powered(rack, NODE, tmp_path, memory_mib=512) as (machine, since):
        booted = Booted(machine, login)
        told.wait(store.head, booted.address, "ready", since=since)
        ready = time.monotonic()
        until(lambda: store.state(booted.address) == "ok", "the latecomer is well", 60)
        print(f"well {time.monotonic() - ready:.1f} s after ready")
        mounts = booted.run("cat /proc/mounts")
        options = re.search(
            r"^\S+/export/workloads /run/picluster/workloads nfs (\S+)", mounts, re.M
        )
        assert options, mounts
        assert {"ro", "vers=3", "hard", "nosuid", "nodev"} <= set(options[1].split(","))
        data = "/var/lib/picluster/work/example/data"
        assert booted.run(f"cat {data}/greeting").strip() == f"hello from {NODE}"
        who = booted.run("ps -o user= -p $(systemctl show -P MainPID picluster-work-example)")
        assert who.strip() == "nobody"

        greedy = store.deploy("--version", "qemu-2")
        assert greedy["outcome"] == "failed", greedy
        assert re.search("it holds nothing|run has ended", greedy["reason"])
        assert "Memory cgroup out of memory" in booted.run("journalctl -k --no-pager")
        assert booted.run("systemctl is-active picluster-ready || true").strip() == "active"

        again = store.deploy("--rollback")
        assert again["outcome"] == "ok", again
        assert booted.run(f"cat {data}/greeting").strip() == f"hello from {NODE}"

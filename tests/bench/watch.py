"""What watching 1050 boards costs the head: processor time and memory.

A real head of the police box; nodes of 24 banks send a heartbeat a minute, each from its own
address; the campaign follows the head's journal, as it would on the head, and waits for the last
bank. Counted is everything that runs in the head, and the campaign.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.errors import refusal
from picluster.net import dotted
from picluster.plan.read import read_plan
from tests.bench.clusters import POLICEBOX, description_of
from tests.bench.figure import Figure, at_most, exactly
from tests.bench.heads import bare_head, converge
from tests.bench.measure import say
from twin.cluster.inventory import write_inventory
from twin.cluster.pdus import Pdus
from twin.cluster.wishes import Wishes
from twin.head.places import TREE
from twin.net import command
from twin.virtual.faults import NO_FAULTS, Plagues

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picluster.plan.model import AddressPlan
    from twin.head import Head
    from twin.net import Namespace
    from twin.rack import Rack

_PORT = 3334
_SETTLED_S = 300.0
_MEASURED_S = 180.0
_TICKS = os.sysconf("SC_CLK_TCK")
#: Programs that are there to watch; the rest of the head serves boots.
_WATCHERS = ("journalctl", "message_server")


def figures() -> Iterator[Figure]:
    """Cost of three minutes, three heartbeats of each board."""
    plan = read_plan(description_of(POLICEBOX))
    with bare_head(POLICEBOX) as (head, rack), tempfile.TemporaryDirectory() as name:
        converge(head, POLICEBOX)
        wishes = Wishes(Plagues(1, NO_FAULTS))
        with Pdus(plan, wishes, lambda _names, _on: None) as pdus:
            inventory = Path(name, "inventory")
            write_inventory(
                POLICEBOX, inventory, head, proxy="", overrides={"pdus": pdus.overrides}, hosts={}
            )
            with _nodes(plan, rack), _campaign(inventory, head, Path(name), plan) as process:
                yield from _measure(head, process.pid)


@contextlib.contextmanager
def _nodes(plan: AddressPlan, rack: Rack) -> Iterator[None]:
    """Nodes of all banks but the last send, for the block."""
    silent = plan.cluster.banks[-1].number
    nodes = [node for node in plan.nodes if node.bank.number != silent]
    with rack.client() as namespace:
        take_addresses(namespace, [node.address for node in nodes], plan)
        sender = namespace.popen(
            [sys.executable, "-m", "tests.bench.watch_nodes"],
            stdin=subprocess.PIPE, text=True, cwd=TREE,
        )  # fmt: skip
        with sender:
            server = dotted(plan.cluster.head.address)
            listed = [[node.address, str(node.mac)] for node in nodes]
            order = json.dumps({"server": server, "port": _PORT, "nodes": listed})
            sender.stdin.write(order + "\n")
            sender.stdin.flush()
            yield
            sender.stdin.close()
            sender.wait(30)


def take_addresses(namespace: Namespace, addresses: list[str], plan: AddressPlan) -> None:
    """Give a namespace on the rack the addresses of nodes."""
    prefix = plan.cluster.network.prefix
    lines = [f"address add {address}/{prefix} dev eth0\n" for address in addresses]
    with tempfile.NamedTemporaryFile("w", suffix=".ip") as batch:
        batch.writelines([*lines, "link set eth0 up\n"])
        batch.flush()
        namespace.run(["ip", "-batch", batch.name], timeout_s=120)


@contextlib.contextmanager
def _campaign(
    inventory: Path, head: Head, folder: Path, plan: AddressPlan
) -> Iterator[subprocess.Popen[str]]:
    """A campaign that waits for the last bank, the others being up."""
    words = ["podman", "exec", "-i", head.places.container]
    args = [str(inventory), head.host, str(folder / "journal.db"), *words]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.watch_campaign", *args],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=TREE,
    )  # fmt: skip
    try:
        wanted, end = len(plan.cluster.banks) - 1, time.monotonic() + _SETTLED_S
        assert process.stdout is not None
        for line in process.stdout:
            wanted -= line.startswith("accepted")
            if not wanted or time.monotonic() > end:
                break
        if wanted:
            raise refusal(f"{wanted} banks did not come up within {_SETTLED_S:.0f} s")
        yield process
    finally:
        process.terminate()
        with process:
            process.wait(60)


def _measure(head: Head, campaign: int) -> Iterator[Figure]:
    say(f"watch: every bank but one is up; measuring for {_MEASURED_S:.0f} s")
    before, since = _seconds(head, campaign), time.time()
    time.sleep(_MEASURED_S)
    spent = {pid: s - before.get(pid, 0.0) for pid, s in _seconds(head, campaign).items()}
    for pid, seconds in sorted(spent.items(), key=lambda item: -item[1])[:4]:
        say(f"watch: {_name(pid)} {100 * seconds / _MEASURED_S:.2f} %")
    lines = head.exec(
        ["journalctl", "-q", "-o", "cat", "--since", f"@{since:.0f}", "-u", "picluster-messages"]
    )
    heard = {line.split()[1] for line in lines.splitlines() if " alive " in line}
    yield Figure("watch.silent_boards", 1008 - len(heard), "boards", exactly(0))
    yield Figure("watch.cpu", 100 * sum(spent.values()) / _MEASURED_S, "%", at_most(5))
    watchers = [pid for pid in spent if pid == campaign or any(w in _name(pid) for w in _WATCHERS)]
    memory = {pid: _megabytes(pid) for pid in watchers}
    for pid, size in memory.items():
        say(f"watch: {_name(pid)} {size:.1f} MB")
    yield Figure("watch.memory", sum(memory.values()), "MB", at_most(100))


def _seconds(head: Head, campaign: int) -> dict[int, float]:
    """Processor seconds so far of every process of the head, and of the campaign."""
    first = command(["podman", "inspect", "-f", "{{.State.Pid}}", head.places.container]).strip()
    space = os.readlink(f"/proc/{first}/ns/pid")  # noqa: PTH115 - not a file's name
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            pid = int(entry.name)
            if pid == campaign or os.readlink(entry / "ns" / "pid") == space:  # noqa: PTH115
                fields = (entry / "stat").read_text().rpartition(") ")[2].split()
                found[pid] = sum(map(int, fields[11:15])) / _TICKS
    return found


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return " ".join(Path(word).name for word in words if not word.startswith("_SYSTEMD"))[:80]
    return str(pid)


def _megabytes(pid: int) -> float:
    """Memory of a process, what it shares with others in part (PSS), 10^6 bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6

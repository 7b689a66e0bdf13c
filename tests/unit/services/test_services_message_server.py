"""The receiver of messages: whom it believes, what it keeps and says, and that it loses nothing."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving import Daemon, daemon, until

from message_server import MessageServer, StateFolder, accept, line_of
from node_plan import Node, PlanFile
from rate_limit import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE = Node("172.20.1.7", "b8:27:eb:00:01:07", "pi-1-7")
NODES = {NODE.address: NODE}
READY = b"picluster/1 ready mac=b8:27:eb:00:01:07 boot=0123456789abcdef up=41.3 temp=48.3"
LINE = "node pi-1-7 172.20.1.7 ready mac=b8:27:eb:00:01:07 boot=0123456789abcdef up=41.3 temp=48.3"
HEADER = "address,mac,name,image\n"


@pytest.fixture
def server(tmp_path: Path) -> MessageServer:
    plan = tmp_path / "nodes.csv"
    plan.write_text(f"{HEADER}{NODE.address},{NODE.mac},{NODE.name},current\n")
    (tmp_path / "states").mkdir()
    (tmp_path / "works").mkdir()
    works = StateFolder(tmp_path / "works")
    made = MessageServer(PlanFile(plan), StateFolder(tmp_path / "states"), works)
    assert made.refresh(0) == ["<6>plan nodes=1"]
    return made


def states(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((folder / "states").iterdir())}


def test_a_node_is_believed_by_address_and_mac() -> None:
    node, message = accept(READY, NODE.address, NODES)
    assert node == NODE
    assert line_of(node, message) == LINE


@pytest.mark.parametrize(
    ("datagram", "address", "why", "words"),
    [
        (READY, "172.20.1.8", "unknown-address", {}),
        (b"\xff", "172.20.1.8", "unknown-address", {}),
        (
            READY.replace(b"01:07", b"01:08"),
            NODE.address,
            "wrong-mac",
            {"node": "pi-1-7", "mac": "b8:27:eb:00:01:08", "event": "ready"},
        ),
        (b"\xff", NODE.address, "malformed", {"node": "pi-1-7", "reason": "not printable ASCII"}),
    ],
)
def test_others_are_refused(datagram: bytes, address: str, why: str, words: dict[str, str]) -> None:
    with pytest.raises(RefusedError) as refused:
        accept(datagram, address, NODES)
    assert (refused.value.why, refused.value.words) == (why, words)


def test_the_last_message_is_kept_and_each_is_logged(server: MessageServer, tmp_path: Path) -> None:
    assert server.take(READY, NODE.address, 1) == [f"<6>{LINE}"]
    failed = READY.replace(b" ready", b" failed") + b" step=nfs reason=no%20answer"
    (line,) = server.take(failed, NODE.address, 2)
    assert line == f"<4>{LINE.replace('ready', 'failed')} step=nfs reason=no%20answer"
    (state,) = [json.loads(text) for text in states(tmp_path).values()]
    assert 1.7e9 < state.pop("received") < 1e11
    assert list(states(tmp_path)) == ["172.20.1.7.json"]
    assert state == {
        "address": "172.20.1.7",
        "name": "pi-1-7",
        "event": "failed",
        "mac": "b8:27:eb:00:01:07",
        "image": None,
        "boot": "0123456789abcdef",
        "uptime_s": 41.3,
        "temperature_c": 48.3,
        "throttled": None,
        "upper_percent": None,
        "step": "nfs",
        "reason": "no answer",
    }


def test_what_is_refused_changes_no_state(server: MessageServer, tmp_path: Path) -> None:
    server.take(READY, NODE.address, 1)
    before = states(tmp_path)
    wrong = READY.replace(b"01:07", b"01:08")
    assert server.take(wrong, NODE.address, 2) == [
        "<4>refused 172.20.1.7 wrong-mac node=pi-1-7 mac=b8:27:eb:00:01:08 event=ready"
    ]
    assert server.take(wrong, NODE.address, 3) == []
    assert server.take(READY, "172.20.9.9", 4) == [
        "<4>refused 172.20.9.9 unknown-address unlogged=1"
    ]
    assert states(tmp_path) == before


def test_a_node_that_floods_is_bounded(server: MessageServer) -> None:
    lines = [server.take(READY, NODE.address, 1) for _ in range(1000)]
    assert sum(line == [f"<6>{LINE}"] for line in lines) == 30
    assert lines[30] == ["<4>refused 172.20.1.7 too-many node=pi-1-7"]
    assert lines[31:] == [[]] * 969
    assert server.take(READY, NODE.address, 2) == [f"<6>{LINE}"]


def test_a_new_plan_is_taken_in_and_forgotten_nodes_with_it(
    server: MessageServer, tmp_path: Path
) -> None:
    server.take(READY, NODE.address, 1)
    plan = tmp_path / "nodes.csv"
    plan.write_text(f"{HEADER}172.20.1.70,{NODE.mac},pi-1-70,current\n")
    assert server.refresh(2) == ["<6>plan nodes=1"]
    assert states(tmp_path) == {}
    assert server.take(READY, NODE.address, 2) == ["<4>refused 172.20.1.7 unknown-address"]
    assert server.take(READY, "172.20.1.70", 2)[0].startswith("<6>node pi-1-70 172.20.1.70 ready ")
    plan.write_text("nonsense\n")
    (line,) = server.refresh(4)
    assert line.startswith(f"<3>{plan}: the first line is not ")
    assert server.take(READY, "172.20.1.70", 5)[0].startswith("<6>node pi-1-70 ")


def test_a_state_that_cannot_be_written_is_said(server: MessageServer, tmp_path: Path) -> None:
    (tmp_path / "states").rmdir()
    logged, trouble = server.take(READY, NODE.address, 1)
    assert logged == f"<6>{LINE}"
    assert trouble.startswith("<3>cannot write the state of pi-1-7: ")


# ---- workloads


def _work(words: str, boot: str = "0123456789abcdef") -> bytes:
    start = f"picluster/1 workload mac=b8:27:eb:00:01:07 boot={boot} up=41.3"
    return f"{start} order=0123456789abcdef {words}".encode()


def test_what_runs_on_a_node_is_kept_beside_its_last_message(
    server: MessageServer, tmp_path: Path
) -> None:
    server.take(READY, NODE.address, 1)
    before = states(tmp_path)
    (line,) = server.take(_work("workload=java version=1 state=ok"), NODE.address, 2)
    assert line.startswith("<6>node pi-1-7 172.20.1.7 workload mac=")
    assert line.endswith(" workload=java version=1 state=ok order=0123456789abcdef")
    (line,) = server.take(
        _work("workload=mpi version=2 state=failed reason=too%20ill"), NODE.address, 3
    )
    assert line.startswith("<4>node pi-1-7 ")
    file = tmp_path / "works" / "172.20.1.7.json"
    assert json.loads(file.read_text()) == {
        "address": "172.20.1.7",
        "name": "pi-1-7",
        "boot": "0123456789abcdef",
        "works": {
            "java": {"version": "1", "state": "ok", "reason": None},
            "mpi": {"version": "2", "state": "failed", "reason": "too ill"},
        },
    }
    assert states(tmp_path) == before
    server.take(_work("workload=java state=gone"), NODE.address, 4)
    assert list(json.loads(file.read_text())["works"]) == ["mpi"]
    server.take(_work("workload=new version=1 state=ok", boot="f" * 16), NODE.address, 5)
    assert list(json.loads(file.read_text())["works"]) == ["new"]


def test_a_node_that_invents_workloads_fills_nothing(server: MessageServer, tmp_path: Path) -> None:
    for number in range(60):
        server.take(_work(f"workload=w{number} version=1 state=ok"), NODE.address, 10.0 * number)
    works = json.loads((tmp_path / "works" / "172.20.1.7.json").read_text())["works"]
    assert list(works) == [f"w{number}" for number in range(44, 60)]


# ---- the process, on the loopback


@contextmanager
def running(folder: Path, nodes: int) -> Iterator[Daemon]:
    """The daemon with nodes 127.1.0.1 and up."""
    (folder / "nodes.csv").write_text(HEADER + "".join(map(_plan_line, range(nodes))))
    (folder / "states").mkdir()
    (folder / "works").mkdir()
    words = ["--nodes", str(folder / "nodes.csv"), "--states", str(folder / "states")]
    words += ["--works", str(folder / "works")]
    with daemon("message_server", folder / "log", *words) as started:
        assert until(lambda: started.lines() == [f"<6>plan nodes={nodes}"]), started.lines()
        yield started


def _plan_line(index: int) -> str:
    return f"{_address(index)},{_mac(index)},pi-{index + 1},current\n"


def _address(index: int) -> str:
    return f"127.1.{index >> 8}.{index & 255}"


def _mac(index: int) -> str:
    return f"b8:27:eb:00:{index >> 8:02x}:{index & 255:02x}"


def _burst(to: tuple[str, int], nodes: int, event: str, boot: int) -> None:
    """One message of each node, as fast as they can be sent."""
    with ExitStack() as stack:
        senders = []
        for index in range(nodes):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind((_address(index), 0))
            text = (
                f"picluster/1 {event} mac={_mac(index)} image=debian-12-3f2a90c1d4 boot={boot:016x}"
                f" up={index}.0 temp=48.3 throttled=0x0 upper=3"
            )
            senders.append((sock, text.encode()))
        for sock, datagram in senders:
            sock.sendto(datagram, to)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, as /run is on a boot server."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        yield Path(name)


def test_no_burst_of_a_thousand_nodes_loses_a_message(memory: Path) -> None:
    """Nor one while the daemon does not run; and a message costs next to nothing."""
    nodes, bursts = 1050, 6
    with running(memory, nodes) as server:
        before = server.cpu_s()
        with server.stopped():
            for boot in range(bursts):
                _burst(server.address, nodes, "alive", boot)
        assert until(lambda: len(server.lines()) >= 1 + nodes * bursts, 60), len(server.lines())
        spent = (server.cpu_s() - before) / (nodes * bursts)
    found = [re.match(r"<6>node pi-(\d+) \S+ \w+ .* boot=(\w+)", x) for x in server.lines()[1:]]
    expected = [(n + 1, boot) for boot in range(bursts) for n in range(nodes)]
    assert [(int(match[1]), int(match[2], 16)) for match in found if match] == expected
    kept = [json.loads(path.read_text()) for path in (memory / "states").glob("*.json")]
    assert {(state["name"], state["boot"]) for state in kept} == {
        (f"pi-{n + 1}", f"{bursts - 1:016x}") for n in range(nodes)
    }
    assert {path.suffix for path in (memory / "states").iterdir()} == {".json"}
    # 1050 nodes a minute are then less than a fiftieth of one processor.
    assert spent < 1e-3, f"{spent * 1e6:.0f} microseconds of processor time per message"
    print(f"{spent * 1e6:.0f} microseconds of processor time per message")


def test_it_starts_with_the_socket_alone(tmp_path: Path) -> None:
    program = Path(sys.modules["message_server"].__file__ or "")
    with running(tmp_path, 1):
        words = [sys.executable, tmp_path / "library" / program.name]
        words += ["--nodes", tmp_path / "nodes.csv", "--states", tmp_path / "states"]
        words += ["--works", tmp_path / "works"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert done.stderr == "no socket was handed over: start the .socket unit, not this program\n"

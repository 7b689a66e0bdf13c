"""What the head makes of its nodes' messages, and whose host keys it vouches for."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from head_support import MINI, probe

from picluster.plan.read import read_plan
from twin.head.places import TREE
from twin.net import Namespace, unique, veth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picluster.cluster.model import Cluster
    from picluster.plan.model import Node
    from twin.head import Head
    from twin.rack import Rack

pytestmark = pytest.mark.slow

HEAD = "172.20.0.10"
GUEST = TREE / "roles/node_image/files/guest/usr/libexec/picluster"
BOOT = "0123456789abcdef"
_SEND = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.sendto(sys.argv[2].encode("latin-1"), (sys.argv[1], 3334))
"""


@pytest.fixture(scope="module")
def nodes(mini: Cluster) -> tuple[Node, ...]:
    return read_plan(mini.path).nodes


@pytest.fixture
def journal(configured_head: Head, nodes: tuple[Node, ...]) -> Callable[[str], list[str]]:
    """Lines of an identifier in the head's journal since its daemon was started for this test.

    A daemon started anew has refused nobody yet, so that it says again whom it refuses.
    """
    (position,) = [
        line.removeprefix("-- cursor: ")
        for line in configured_head.exec(["journalctl", "-n1", "--show-cursor"]).splitlines()
        if line.startswith("-- cursor: ")
    ]

    def lines(identifier: str) -> list[str]:
        configured_head.exec(["journalctl", "--sync"])
        # With a match, journalctl passes over the first entry after a cursor as well.
        words = ["journalctl", "-o", "json", "-q", f"--after-cursor={position}"]
        entries = map(json.loads, configured_head.exec(words).splitlines())
        found = [
            entry["MESSAGE"] for entry in entries if entry.get("SYSLOG_IDENTIFIER") == identifier
        ]
        assert found[:1] in ([], [f"plan nodes={len(nodes)}"])
        return found[1:]

    units = ["picluster-messages", "picluster-authority"]
    configured_head.exec(["systemctl", "restart", *units])
    return lines


def until(found: Callable[[], Any], wait_s: float = 20) -> Any:
    """Wait until something is there, and give it."""
    end = time.monotonic() + wait_s
    while True:
        there = found()
        if there or time.monotonic() > end:
            return there
        time.sleep(0.1)


def send(place: Namespace, text: str, to: str = HEAD) -> None:
    place.run([sys.executable, "-c", _SEND, to, text])


def message(node: Node, event: str = "ready") -> str:
    return f"picluster/1 {event} mac={node.mac} image=debian-12-x boot={BOOT} up=41.3"


def state(head: Head, address: str) -> dict[str, Any]:
    done = head.run(["cat", f"/run/picluster/nodes/{address}.json"])
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    return found


def run_on_node(
    board: Namespace, program: str, node: Node, folder: Path, *, mac: str = "", **places: Path
) -> None:
    """Run one of a node's own programs, with its files in a folder."""
    (folder / "node.conf").write_text("HOST_KEYS=certified\n")
    (folder / "boot.conf").write_text(
        f"SERVER={HEAD}\nMAC={mac or node.mac}\nADDRESS={node.address}\nBOOT_ID={BOOT}\nIMAGE=x\n"
    )
    places |= {
        "PICLUSTER_LIBEXEC": GUEST,
        "PICLUSTER_RUN": folder,
        "PICLUSTER_CONF": folder / "node.conf",
    }
    environment = [f"{name}={path}" for name, path in places.items()]
    board.run(["env", *environment, "bash", str(GUEST / program)])


# ---- messages


def test_a_message_is_a_state_and_a_line(
    configured_head: Head,
    rack: Rack,
    nodes: tuple[Node, ...],
    journal: Callable[[str], list[str]],
) -> None:
    node = nodes[6]
    with rack.client(f"{node.address}/16", bank=node.bank.number) as board:
        send(board, message(node))
        trouble = f"{message(node, 'failed')} step=nfs reason=no%20way"
        send(board, f"<13>Nov 25 18:00:00 picluster: {trouble}\n")
    assert until(lambda: len(journal("picluster-messages")) >= 2)
    who = f"node {node.name} {node.address} "
    assert journal("picluster-messages") == [
        message(node).replace("picluster/1 ", who),
        trouble.replace("picluster/1 ", who),
    ]
    found = state(configured_head, node.address)
    now = float(configured_head.exec(["date", "+%s.%N"]))
    assert abs(now - found.pop("received")) < 60
    assert found == {
        "address": node.address,
        "name": node.name,
        "event": "failed",
        "mac": node.mac,
        "image": "debian-12-x",
        "boot": BOOT,
        "uptime_s": 41.3,
        "temperature_c": None,
        "throttled": None,
        "upper_percent": None,
        "step": "nfs",
        "reason": "no way",
    }
    # Everybody may read it, and it outlives the daemon.
    configured_head.exec(["systemctl", "restart", "picluster-messages"])
    words = ["runuser", "-u", "nobody", "--", "cat", f"/run/picluster/nodes/{node.address}.json"]
    assert json.loads(configured_head.exec(words))["event"] == "failed"


def test_only_the_planned_board_of_an_address_is_heard(
    configured_head: Head,
    rack: Rack,
    nodes: tuple[Node, ...],
    journal: Callable[[str], list[str]],
) -> None:
    node, other = nodes[7], nodes[8]
    before = state(configured_head, node.address), state(configured_head, other.address)
    with rack.client(f"{node.address}/16", bank=node.bank.number) as board:
        send(board, message(other))
    with rack.client("172.20.9.9/16", bank=node.bank.number) as stranger:
        send(stranger, message(node))
    assert until(lambda: len(journal("picluster-messages")) >= 2)
    assert journal("picluster-messages") == [
        f"refused {node.address} wrong-mac node={node.name} mac={other.mac} event=ready",
        "refused 172.20.9.9 unknown-address",
    ]
    after = state(configured_head, node.address), state(configured_head, other.address)
    assert after == before


def test_no_message_of_a_burst_is_lost(
    configured_head: Head,
    rack: Rack,
    nodes: tuple[Node, ...],
    journal: Callable[[str], list[str]],
) -> None:
    """Every node twelve times as fast as one machine can send, while the daemon does not run."""
    script = """
import socket, sys
for line in sys.stdin:
    address, text = line.rstrip().split(" ", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        for _ in range(12):
            sock.sendto(text.encode(), (sys.argv[1], 3334))
"""
    with rack.client() as boards:
        batch = "".join(f"address add {node.address}/16 dev eth0\n" for node in nodes)
        subprocess.run(boards.inside(["ip", "-batch", "-"]), input=batch, text=True, check=True)
        boards.run(["ip", "link", "set", "eth0", "up"])
        # The head's MAC address is known before the storm.
        assert probe(boards, "ports", HEAD, "tcp/22") == {"tcp/22": "open"}
        configured_head.exec(["systemctl", "kill", "-s", "STOP", "picluster-messages"])
        sent = "".join(f"{node.address} {message(node, 'alive')}\n" for node in nodes)
        words = boards.inside([sys.executable, "-c", script, HEAD])
        subprocess.run(words, input=sent, text=True, check=True, timeout=60)
        configured_head.exec(["systemctl", "kill", "-s", "CONT", "picluster-messages"])
    expected = 12 * len(nodes)
    assert until(lambda: len(journal("picluster-messages")) >= expected)
    heard = [line.split(" ")[2] for line in journal("picluster-messages")]
    assert heard == [node.address for node in nodes for _ in range(12)]


def test_a_daemon_that_is_killed_comes_back_and_the_socket_keeps(
    configured_head: Head, rack: Rack, nodes: tuple[Node, ...]
) -> None:
    node = nodes[9]
    with rack.client(f"{node.address}/16", bank=node.bank.number) as board:
        for _ in range(6):
            configured_head.run(["systemctl", "kill", "-s", "KILL", "picluster-messages"])
            time.sleep(0.3)
        send(board, message(node))
    assert until(lambda: state(configured_head, node.address).get("event") == "ready")


def test_the_nodes_own_heartbeat_is_understood(
    rack: Rack,
    nodes: tuple[Node, ...],
    journal: Callable[[str], list[str]],
    tmp_path: Path,
) -> None:
    node = nodes[15]
    values = {
        "class/thermal/thermal_zone0/temp": "48312\n",
        "devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    }
    for name, value in values.items():
        path = tmp_path / "sys" / name
        path.parent.mkdir(parents=True)
        path.write_text(value)
    with rack.client(f"{node.address}/16", bank=node.bank.number) as board:
        run_on_node(board, "alive", node, tmp_path, PICLUSTER_SYS=tmp_path / "sys")
    assert until(lambda: journal("picluster-messages"))
    (line,) = journal("picluster-messages")
    start = f"node {node.name} {node.address} alive mac={node.mac} image=x boot={BOOT}"
    assert re.fullmatch(rf"{start} up=\d+\.\d temp=48\.3 throttled=0x50005", line)


# ---- where the ports are


def test_they_are_served_on_the_boot_interface_alone(
    configured_head: Head,
    rack: Rack,
    nodes: tuple[Node, ...],
    journal: Callable[[str], list[str]],
) -> None:
    listed = configured_head.exec(["ss", "-Hlnu", "( sport = :3334 or sport = :3335 )"])
    assert sorted(line.split()[3] for line in listed.splitlines()) == [
        f"{HEAD}:3334",
        f"{HEAD}:3335",
    ]
    node = nodes[10]
    with Namespace(unique("picluster-test-wire")) as other:
        veth("eth2", configured_head.namespace, "eth0", other)
        configured_head.namespace.address("eth2", "192.0.2.1/24")
        other.address("eth0", "192.0.2.2/24")
        # A neighbour with an address of the plan, by a route of its own.
        other.run(["ip", "address", "add", f"{node.address}/32", "dev", "lo"])
        other.run(["ip", "route", "add", HEAD, "via", "192.0.2.1", "src", node.address])
        send(other, message(node))
        send(other, message(node), "192.0.2.1")
        for port in ("udp/3334", "udp/3335"):
            assert probe(other, "ports", HEAD, port) == {port: "filtered"}
            assert probe(other, "ports", "192.0.2.1", port) == {port: "filtered"}
    with rack.client(f"{node.address}/16", bank=node.bank.number) as board:
        send(board, message(node))
        # A request that is none is answered, so the port is open.
        assert probe(board, "ports", HEAD, "udp/3335") == {"udp/3335": "open"}
    # Of all these messages the last one alone came through.
    assert until(lambda: journal("picluster-messages"))
    assert len(journal("picluster-messages")) == 1


# ---- host keys, with the node's own program, sshd, ssh and Ansible


@dataclass
class Board:
    """A node whose host key was certified, and where its files are."""

    node: Node
    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "ssh" / "ssh_host_ed25519_key"

    @property
    def certificate(self) -> Path:
        return self.key.with_name(f"{self.key.name}-cert.pub")


@contextmanager
def booted(rack: Rack, node: Node, folder: Path, mac: str = "") -> Iterator[Board]:
    """Run what a node runs at boot to get a host key, at its address."""
    folder.mkdir()
    with rack.client(f"{node.address}/16", bank=node.bank.number) as board:
        run_on_node(board, "hostkeys", node, folder, mac=mac)
        yield Board(node, folder)


@pytest.fixture(scope="module")
def board(
    configured_head: Head,  # noqa: ARG001
    rack: Rack,
    nodes: tuple[Node, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Board]:
    with booted(rack, nodes[11], tmp_path_factory.mktemp("board") / "run") as made:
        assert made.certificate.exists(), sorted(made.folder.rglob("*"))
        yield made


def test_a_node_gets_a_certificate_for_its_names(configured_head: Head, board: Board) -> None:
    words = ["ssh-keygen", "-L", "-f", str(board.certificate)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[1] == "Type: ssh-ed25519-cert-v01@openssh.com host certificate"
    assert lines[4] == f'Key ID: "{board.node.name}"'
    names = [board.node.name, f"{board.node.name}.mini.internal", board.node.address]
    assert lines[lines.index("Principals:") + 1 : -2] == names
    known = configured_head.places.nodes_known_hosts.read_text()
    (authority,) = re.findall(r"^@cert-authority \S+ (ssh-ed25519 \S+) mini-head$", known, re.M)
    public = configured_head.exec(["cat", "/var/lib/picluster/host_authority/key.pub"])
    assert public.split()[:2] == authority.split()
    print_of = ["ssh-keygen", "-l", "-f", "/var/lib/picluster/host_authority/key.pub"]
    assert configured_head.exec(print_of).split()[1] in lines[3]


def test_the_key_that_signs_is_the_daemons_alone(configured_head: Head) -> None:
    key = "/var/lib/picluster/host_authority/key"
    assert configured_head.exec(["stat", "-c", "%a %U", key]).strip() == "600 picluster-authority"
    for user in ("nobody", "picluster-messages"):
        done = configured_head.run(["runuser", "-u", user, "--", "cat", key])
        assert done.returncode != 0
        assert done.stdout == b""
    running = configured_head.exec(["ps", "-o", "user:32=", "-C", "python3"]).split()
    assert {"picluster-authority", "picluster-messages"} <= set(running)
    assert "root" not in running


@pytest.fixture
def reach(configured_head: Head, board: Board) -> Iterator[Callable[..., tuple[int, str]]]:
    """Ansible's way to a node, whose sshd runs in the head's container with the board's keys."""
    place = f"/run/picluster-test-{board.node.name}"
    configured_head.exec(["install", "-d", "-m", "0700", place])
    copies = {board.key: "key", board.certificate: "key-cert.pub"}
    for source, name in copies.items():
        words = ["podman", "cp", str(source), f"{configured_head.places.container}:{place}/{name}"]
        subprocess.run(words, check=True, capture_output=True)
        configured_head.exec(["chown", "root:root", f"{place}/{name}"])
        configured_head.exec(["chmod", "0600", f"{place}/{name}"])

    def run(host: str, *, certified: bool = True) -> tuple[int, str]:
        sshd = ["/usr/sbin/sshd", "-i", "-f", "/dev/null", "-h", f"{place}/key"]
        sshd += ["-o", "PermitRootLogin=prohibit-password", "-o", "UsePAM=no"]
        if certified:
            sshd += ["-o", f"HostCertificate={place}/key-cert.pub"]
        proxy = shlex.join(["podman", "exec", "-i", configured_head.places.container, *sshd])
        extra = ["-F", "none", "-o", f"ProxyCommand={proxy}", "-o", "ControlPath=none"]
        words = [
            *(str(Path(sys.executable).with_name("ansible")), host, "-m", "ansible.builtin.raw"),
            *("-i", str(MINI), "-i", str(configured_head.inventory), "-a", "echo reached"),
            *("--private-key", str(configured_head.places.key)),
            *("--ssh-extra-args", shlex.join(extra)),
        ]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(TREE / "ansible.cfg")}
        environment |= {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_SSH_RETRIES": "0"}
        done = subprocess.run(
            words, capture_output=True, text=True, env=environment, cwd=TREE, check=False
        )
        return done.returncode, done.stdout + done.stderr

    yield run
    configured_head.exec(["rm", "-r", place])


def test_ansible_trusts_a_certified_node_and_no_other(
    reach: Callable[..., tuple[int, str]], board: Board, nodes: tuple[Node, ...]
) -> None:
    status, said = reach(board.node.name)
    assert status == 0, said
    assert "reached" in said.splitlines()
    # The same key without the certificate, and the certificate in another node's place.
    for host, certified in ((board.node.name, False), (nodes[12].name, True)):
        status, said = reach(host, certified=certified)
        assert status != 0
        assert "Host key verification failed" in said
        assert "reached" not in said.splitlines()


def test_a_board_that_is_not_the_planned_one_gets_no_certificate(
    rack: Rack,
    nodes: tuple[Node, ...],
    journal: Callable[[str], list[str]],
    tmp_path: Path,
) -> None:
    node, other = nodes[13], nodes[14]
    with booted(rack, node, tmp_path / "run", mac=other.mac) as stranger:
        assert not stranger.certificate.exists()
        assert stranger.key.exists()
    assert journal("picluster-authority")[-1] == (
        f"refused {node.address} wrong-mac node={node.name} mac={other.mac}"
    )

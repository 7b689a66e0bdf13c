"""``site.yml`` on a bare Debian 12 head, judged from outside."""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from head_support import MINI, foreign_dhcpd, nfs, offers, probe, stock, tftp

from picluster.plan.read import read_plan
from twin.head.playbook import play
from twin.net import Namespace, unique, veth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picluster.cluster.model import Cluster
    from twin.head import Head
    from twin.head.playbook import Outcome
    from twin.rack import Rack

pytestmark = pytest.mark.slow

HEAD = "172.20.0.10"
EXPORT = f"nfs://{HEAD}/srv/picluster/export"
SERVICES = {
    "chrony.service",
    "isc-dhcp-server.service",
    "nfs-ganesha.service",
    "picluster-authority.service",
    "picluster-authority.socket",
    "picluster-firewall.service",
    "picluster-messages.service",
    "picluster-messages.socket",
    "rpcbind.service",
    "systemd-networkd.service",
    "tftpd-hpa.service",
}
#: What a board needs to boot and to run.
DAEMONS = {
    "isc-dhcp-server.service",
    "nfs-ganesha.service",
    "picluster-messages.service",
    "tftpd-hpa.service",
}
#: TCP ports the boot side may reach, all of them served.
TCP_ALLOWED = {22, 111, 2049, 20048}


@pytest.fixture
def board(rack: Rack, configured_head: Head) -> Iterator[Namespace]:  # noqa: ARG001
    """A machine with a board's address, on bank 1's switch."""
    with rack.client("172.20.1.7/16", bank=1) as namespace:
        yield namespace


# ---- refusals and checks: nothing changes, whatever was there before


def test_another_dhcp_server_on_the_wire_is_refused(head: Head, rack: Rack, tmp_path: Path) -> None:
    before = stock(head)
    with foreign_dhcpd(rack, tmp_path) as address:
        outcome = play(head, MINI)
        assert outcome.status != 0
        (failure,) = outcome.failures()
        assert address in failure
        assert "DHCP" in failure
        assert outcome.changed() == []
    assert stock(head) == before


def test_a_machine_without_the_boot_interface_is_refused(head: Head) -> None:
    before = stock(head)
    outcome = play(head, MINI, args=["-e", "head_network_interface=eth9"])
    assert outcome.status != 0
    (failure,) = outcome.failures()
    assert "eth9" in failure
    assert outcome.changed() == []
    assert stock(head) == before


def test_a_check_of_the_bare_head_ends_well_and_changes_nothing(
    checked: tuple[Outcome, list[str], list[str]],
) -> None:
    outcome, before, after = checked
    assert outcome.status == 0, outcome.explain()
    assert outcome.changed()
    assert after == before


# ---- the configured head


def test_the_second_run_changes_nothing(configured_head: Head, converged: Outcome) -> None:
    outcome = play(configured_head, MINI)
    assert outcome.status == 0, outcome.explain()
    assert outcome.changed() == []
    # Handlers apart, the same tasks run.
    assert outcome.tasks() <= converged.tasks()


def test_a_check_of_the_configured_head_finds_nothing_to_do(configured_head: Head) -> None:
    outcome = play(configured_head, MINI, args=["--check", "--diff"])
    assert outcome.status == 0, outcome.explain()
    assert outcome.changed() == []


def test_the_services_run_and_start_at_boot(configured_head: Head) -> None:
    names = sorted(SERVICES)
    active = configured_head.run(["systemctl", "is-active", *names]).stdout.decode().split()
    assert dict(zip(names, active, strict=True)) == dict.fromkeys(names, "active")
    enabled = configured_head.run(["systemctl", "is-enabled", *names]).stdout.decode().split()
    assert set(enabled) <= {"enabled", "indirect", "static"}, dict(zip(names, enabled, strict=True))
    configured_head.exec(["dhcpd", "-t", "-cf", "/etc/dhcp/dhcpd.conf"])


@pytest.mark.parametrize("name", sorted(DAEMONS))
def test_a_daemon_that_is_killed_is_back(configured_head: Head, name: str) -> None:
    def process() -> str:
        return configured_head.exec(["systemctl", "show", "--property=MainPID", "--value", name])

    before = process()
    configured_head.exec(["systemctl", "kill", "--signal=SIGKILL", name])
    end = time.monotonic() + 20
    while process() in {before, "0\n"}:
        assert time.monotonic() < end, f"{name} is still dead"
        time.sleep(0.2)
    assert configured_head.exec(["systemctl", "is-active", name]).strip() == "active"


def test_a_board_is_offered_its_own_address_and_no_other(
    configured_head: Head,  # noqa: ARG001
    rack: Rack,
    mini: Cluster,
    tmp_path: Path,
) -> None:
    nodes = read_plan(mini.path).nodes
    for node in (nodes[0], nodes[-1]):
        interface = rack.bank_interface(node.bank.number)
        offered = offers(rack.namespace, interface, node.mac, tmp_path / "rom.json")
        assert offered == [node.address]
    interface = rack.bank_interface(mini.banks[0].number)
    assert offers(rack.namespace, interface, "b8:27:eb:00:00:01", tmp_path / "rom.json") == []


def test_dhcp_is_served_on_the_boot_interface_alone(
    configured_head: Head, rack: Rack, mini: Cluster, tmp_path: Path
) -> None:
    node = read_plan(mini.path).nodes[0]
    with Namespace(unique("picluster-test-wire")) as other:
        veth("eth2", configured_head.namespace, "eth0", other)
        configured_head.namespace.address("eth2", "172.20.0.11/16")
        # Interfaces are chosen when dhcpd starts.
        configured_head.exec(["systemctl", "restart", "isc-dhcp-server"])
        assert offers(other, "eth0", node.mac, tmp_path / "rom.json") == []
    interface = rack.bank_interface(node.bank.number)
    assert offers(rack.namespace, interface, node.mac, tmp_path / "rom.json") == [node.address]


def test_files_are_served_by_tftp_from_a_jail(
    configured_head: Head, rack: Rack, board: Namespace, tmp_path: Path
) -> None:
    got = tmp_path / "got"
    for name in ("bootcode.bin", "start.elf", "kernel8.img", "config.txt"):
        answer = tftp(board, HEAD, "get", name, str(got))
        assert answer.returncode == 0, answer.stdout + answer.stderr
        served = configured_head.copy_out(f"/srv/picluster/tftp/boot/{name}")
        assert served, name
        assert hashlib.sha256(got.read_bytes()).digest() == hashlib.sha256(served).digest()
    out = "../../../etc/hostname", "../172.20.1.8/config.txt", "../../boot/config.txt", ".."
    for name in ("/etc/hostname", "../export", "boot/config.txt", *out):
        assert nothing(board, name, got), name
    got.write_bytes(b"mine")
    assert "Error" in tftp(board, HEAD, "put", str(got), "config.txt").stdout
    assert "Error" in tftp(board, HEAD, "put", str(got), "new.txt").stdout
    with rack.client("172.20.99.7/16", bank=1) as stranger:  # off plan
        for name in ("config.txt", "boot/config.txt", "../172.20.1.7/config.txt"):
            assert nothing(stranger, name, got), name


def nothing(client: Namespace, name: str, got: Path) -> bool:
    """Whether the head refuses a file and sends none of it."""
    got.unlink(missing_ok=True)
    refused = "Error" in tftp(client, HEAD, "get", name, str(got)).stdout
    return refused and (not got.exists() or not got.read_bytes())


def test_the_export_is_read_and_never_written(
    configured_head: Head, board: Namespace, tmp_path: Path
) -> None:
    tree = configured_head.exports / "export"
    (tree / "hello").write_text("from the head\n")
    (tree / "private").write_text("root alone\n")
    (tree / "private").chmod(0o600)
    there = sorted(path.name for path in tree.iterdir())
    listing = nfs(board, "nfs-ls", EXPORT)
    assert listing.returncode == 0, listing.stderr
    assert {line.split()[-1] for line in listing.stdout.splitlines()} >= {"hello", "private"}
    assert nfs(board, "nfs-cat", f"{EXPORT}/hello").stdout == "from the head\n"
    assert nfs(board, "nfs-cat", f"{EXPORT}/private").stdout == "root alone\n"
    mine = tmp_path / "mine"
    mine.write_text("mine\n")
    for name in ("hello", "new"):
        assert nfs(board, "nfs-cp", str(mine), f"{EXPORT}/{name}").returncode != 0
    assert sorted(path.name for path in tree.iterdir()) == there
    assert (tree / "hello").read_text() == "from the head\n"


def test_who_has_no_port_below_1024_reads_nothing(configured_head: Head, board: Namespace) -> None:
    """An account that is not root can say that it is root, and has no such port to say it from."""
    private = configured_head.exports / "export" / "private"
    private.write_text("root alone\n")
    private.chmod(0o600)
    anybody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    url = f"{EXPORT}/private"
    as_root = f"{url}{'&' if '?' in url else '?'}uid=0&gid=0"
    for words in ((*anybody, "nfs-cat", url), (*anybody, "nfs-cat", as_root)):
        answer = nfs(board, *words)
        assert answer.returncode != 0
        assert "root alone" not in answer.stdout
    assert nfs(board, "nfs-cat", as_root).stdout == "root alone\n"


def test_the_export_is_refused_outside_the_boot_network(configured_head: Head, rack: Rack) -> None:
    (configured_head.exports / "export" / "hello").write_text("from the head\n")
    namespace = configured_head.namespace
    namespace.run(["ip", "address", "add", "10.9.9.1/24", "dev", "eth1"])
    try:
        with rack.client("10.9.9.9/24", bank=1) as stranger:
            stranger.run(["ip", "route", "add", HEAD, "dev", "eth0"])
            # It gets there, and is refused.
            assert probe(stranger, "ports", HEAD, "tcp/2049") == {"tcp/2049": "open"}
            answer = nfs(stranger, "nfs-cat", f"{EXPORT}/hello")
    finally:
        namespace.run(["ip", "address", "delete", "10.9.9.1/24", "dev", "eth1"])
    assert answer.returncode != 0
    assert "from the head" not in answer.stdout


def test_the_boot_side_reaches_what_it_needs_and_nothing_else(
    configured_head: Head, board: Namespace
) -> None:
    with _listening(configured_head, "tcp", 8080), _listening(configured_head, "udp", 8081):
        listening = _tcp_ports(configured_head)
        assert listening >= TCP_ALLOWED | {8080}
        names = [f"tcp/{port}" for port in sorted(listening | {1, 80, 443, 65535})]
        found = probe(board, "ports", HEAD, *names, "udp/8081")
        # The same from within, where no filter is: the listeners are there and answer.
        inside = probe(configured_head.namespace, "ports", HEAD, "tcp/8080", "udp/8081")
    assert inside == {"tcp/8080": "open", "udp/8081": "open"}
    expected = {
        name: "open" if int(name.partition("/")[2]) in TCP_ALLOWED else "filtered" for name in names
    }
    assert found == {**expected, "udp/8081": "filtered"}
    assert 1 <= probe(board, "time", HEAD) <= 15


def _tcp_ports(head: Head) -> set[int]:
    """Ports listened on, on any address but the loopback's."""
    lines = head.exec(["ss", "-Hlnt"]).splitlines()
    places = [line.split()[3].rpartition(":") for line in lines]
    return {int(port) for address, _, port in places if not address.startswith(("127.", "[::1]"))}


_ECHO = """
import socket, sys
kind, port = sys.argv[1], int(sys.argv[2])
if kind == "tcp":
    s = socket.create_server(("0.0.0.0", port))
    while True: s.accept()[0].close()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", port))
while True: s.sendto(b"pong", s.recvfrom(100)[1])
"""


@contextmanager
def _listening(head: Head, kind: str, port: int) -> Iterator[None]:
    """A listener in the head that no role asked for."""
    unit = f"listener-{kind}-{port}"
    words = ["systemd-run", f"--unit={unit}", "python3", "-c", _ECHO, kind, str(port)]
    head.exec(words)
    time.sleep(1)
    try:
        yield
    finally:
        head.exec(["systemctl", "stop", unit])

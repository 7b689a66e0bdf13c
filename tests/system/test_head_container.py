"""The head's container and the racks' network: made, reached, and gone without a trace."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from head_support import probe

from picluster.errors import PiclusterError
from twin.head import Head
from twin.head.places import TREE, Places, cache_dir
from twin.net import Namespace, command
from twin.rack import Rack

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "test-container"


def traces(name: str) -> list[str]:
    """Whatever carries a head's name: namespaces, containers, processes, directories."""
    found = [line.split()[0] for line in command(["ip", "netns", "list"]).splitlines()]
    found += command(["podman", "ps", "--all", "--format", "{{.Names}}"]).split()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    directory = Places(name).directory
    found += [str(directory)] if directory.exists() else []
    return [text for text in found if f"picluster-{name}" in text or text == str(directory)]


def machine_state() -> list[str]:
    """What a head must not change on the machine: its interfaces, routes, filters, forwarding."""
    return [
        command(["iptables", "-S"]) + command(["iptables", "-t", "nat", "-S"]),
        command(["ip", "-4", "route", "show", "table", "all"]),
        command(["ip", "-4", "-o", "address", "show"]),
        Path("/proc/sys/net/ipv4/ip_forward").read_text(),
    ]


@pytest.fixture
def name(machine: None) -> Iterator[str]:  # noqa: ARG001
    yield NAME
    Head(NAME).down()
    Rack(NAME, []).down()


def cli(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "twin.head", *words],
        cwd=TREE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_head_boots_is_reached_and_leaves_no_trace(name: str) -> None:
    before = machine_state()
    kept = cache_dir() / "apt" / "picluster-test_1_all.deb"
    try:
        with Rack(name, [1, 2]) as rack, Head(name, rack) as head:
            assert head.failed_units == []
            assert head.exec(["systemctl", "is-system-running"]).strip() == "running"
            links = head.exec(["ip", "-4", "-o", "address", "show"])
            assert "eth0" in links
            assert "eth1" not in links, "its address is the playbook's work"
            assert head.exec(["cat", "/sys/class/net/eth1/operstate"]).strip() == "up"
            assert head.run(["sh", "-c", "echo x > /sys/class/net/eth1/mtu"]).returncode != 0
            with pytest.raises(PiclusterError, match="in use by another process"):
                Head(name, rack).__enter__()
            head.exec(["apt-get", "-q", "update"], timeout_s=120)
            assert "Candidate: (none)" not in head.exec(["apt-cache", "policy", "raspi-firmware"])
            archive = f"/var/cache/apt/archives/{kept.name}"
            head.exec(["touch", archive])
            assert len(traces(name)) > 3
        assert traces(name) == []
        assert kept.exists()
        assert machine_state() == before
    finally:
        kept.unlink(missing_ok=True)


def test_banks_meet_at_the_core_and_nowhere_else(name: str) -> None:
    with (
        Rack(name, [1, 2]) as rack,
        rack.client("172.20.1.1/16", bank=1) as one,
        rack.client("172.20.2.1/16", bank=2) as two,
        rack.client("172.20.0.10/16") as core,
    ):
        for source in (one, two, core):
            for address in ("172.20.1.1", "172.20.2.1", "172.20.0.10"):
                assert probe(source, "ports", address, "tcp/9") == {"tcp/9": "closed"}
        inside = rack.namespace
        inside.run(["ip", "link", "set", "up1", "down"])  # bank 1's uplink cable is pulled
        assert probe(one, "ports", "172.20.0.10", "tcp/9") == {"tcp/9": "filtered"}
        assert probe(two, "ports", "172.20.0.10", "tcp/9") == {"tcp/9": "closed"}
    assert traces(name) == []


@pytest.mark.parametrize("banks", [[1, 1], [256], [-1], list(range(256))])
def test_a_rack_that_cannot_be_is_refused(banks: list[int]) -> None:
    with pytest.raises(PiclusterError):
        Rack("test-banks", banks)


def test_a_rack_of_25_banks(name: str) -> None:
    banks = list(range(11, 36))
    with Rack(name, banks) as rack:
        links = rack.namespace.run(["ip", "-o", "link", "show"])
        assert all(f" {rack.bank_interface(bank)}@" in links for bank in banks)
        with pytest.raises(PiclusterError, match="no bank 36"):
            rack.bank_interface(36)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 1.8, 2.6])
def test_a_kill_at_any_moment_is_cleaned_up_later(name: str, seconds: float) -> None:
    process = cli("up", "--name", name)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    # What podman was doing for it may still end on its own.
    time.sleep(1)
    down = cli("down", "--name", name)
    assert down.communicate()[1] == ""
    assert down.returncode == 0
    assert traces(name) == []


def test_the_command_line(name: str) -> None:
    up = cli("up", "--name", name)
    printed, said = up.communicate()
    assert (up.returncode, said) == (0, "")
    assert Path(printed.strip()) == Places(name).inventory
    again = cli("up", "--name", name)
    assert f"python -m twin.head down --name {name}" in again.communicate()[1]
    assert again.returncode == 1
    run = cli("exec", "--name", name, "--", "sh", "-c", "echo $0; exit 3", "inside")
    assert (run.communicate()[0], run.returncode) == ("inside\n", 3)
    client = cli("client", "--name", name, "--bank", "1", "--", "ip", "-o", "link", "show", "eth0")
    assert "eth0@" in client.communicate()[0]
    assert client.returncode == 0
    bare = cli("client", "--name", name)
    assert "no command" in bare.communicate()[1]
    assert bare.returncode == 1
    assert cli("down", "--name", name).wait() == 0
    assert cli("down", "--name", name).wait() == 0, "twice is fine"
    assert traces(name) == []
    assert not Namespace(Places(name).namespace, create=False).path.exists()

"""The DHCP probe: its bytes, its strict reading, and a real dhcpd in a network namespace."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.daemons import daemon
from twin.net import Namespace, unique, veth

OWN = bytes.fromhex("525400123456")
XID = 0x12345678
SERVER_MAC = bytes.fromhex("b827eb000001")


def offer(
    mac: bytes,
    *,
    xid: int = XID,
    options: bytes = b"\x35\x01\x02\x36\x04\xc0\xa8\x01\x01\xff",
    port: int = 68,
    operation: int = 2,
) -> bytes:
    """A DHCP answer as Ethernet frame."""
    bootp = struct.pack("!4BI20x16s192x", operation, 1, 6, 0, xid, mac.ljust(16, b"\0"))
    udp_payload = bootp + b"\x63\x82\x53\x63" + options
    udp = struct.pack("!4H", 67, port, 8 + len(udp_payload), 0) + udp_payload
    ip = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(udp),
        0,
        0,
        64,
        17,
        0,
        socket.inet_aton("10.0.0.1"),
        b"\xff" * 4,
    )
    return b"\xff" * 6 + SERVER_MAC + b"\x08\x00" + ip + udp


def test_the_probe_asks_with_a_local_unicast_address(dhcp_probe: ModuleType) -> None:
    mac = dhcp_probe.probe_mac(OWN)
    assert mac == bytes.fromhex("125400123456")
    assert (mac[0] & 0x01, mac[0] & 0x02) == (0, 2)


def test_discover_is_well_formed(dhcp_probe: ModuleType) -> None:
    frame = dhcp_probe.discover_frame(OWN, XID)
    packet = frame[14:]
    udp = packet[20:]
    assert frame[:14] == b"\xff" * 6 + OWN + b"\x08\x00"
    assert dhcp_probe.checksum(packet[:20]) == 0
    pseudo = packet[12:20] + struct.pack("!BBH", 0, 17, len(udp))
    assert dhcp_probe.checksum(pseudo + udp) == 0
    assert struct.unpack("!HHH", udp[:6]) == (68, 67, len(udp))
    bootp = udp[8:]
    assert bootp[:12] == b"\x01\x01\x06\x00" + struct.pack("!IHH", XID, 0, 0x8000)
    assert bootp[28:34] == OWN
    assert bootp[236:] == bytes.fromhex("638253633501013702") + b"\x01\x36\xff" + bytes(
        len(bootp) - 236 - 12
    )
    assert len(bootp) == 300


def test_an_offer_names_its_server(dhcp_probe: ModuleType) -> None:
    found = dhcp_probe.offer_from(offer(OWN), OWN, XID)
    assert found._asdict() == {"address": "192.168.1.1", "mac": "b8:27:eb:00:00:01"}


def test_without_a_server_identifier_the_sender_counts(dhcp_probe: ModuleType) -> None:
    found = dhcp_probe.offer_from(offer(OWN, options=b"\x35\x01\x02\xff"), OWN, XID)
    assert found.address == "10.0.0.1"


@pytest.mark.parametrize(
    "changed",
    [
        {"mac": bytes(6)},
        {"xid": 1},
        {"port": 67},
        {"operation": 1},
        {"options": b"\x35\x01\x05\xff"},
        {"options": b"\xff"},
        {"options": b"\x35\x01"},
    ],
    ids=str,
)
def test_what_is_no_offer_to_us_is_passed_over(
    dhcp_probe: ModuleType, changed: dict[str, Any]
) -> None:
    frame = offer(**{"mac": OWN, **changed})
    assert dhcp_probe.offer_from(frame, OWN, XID) is None


@given(cut=st.integers(0, 400), at=st.integers(0, 400), value=st.integers(0, 255))
def test_broken_frames_are_read_without_an_error(
    dhcp_probe: ModuleType, cut: int, at: int, value: int
) -> None:
    frame = bytearray(offer(OWN))
    if at < len(frame):
        frame[at] = value
    found = dhcp_probe.offer_from(bytes(frame[: len(frame) - cut]), OWN, XID)
    assert found is None or found._fields == ("address", "mac")


# ---- on a wire

RunModule = Callable[..., dict[str, Any]]
on_a_wire = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]


@pytest.fixture
def wire() -> Iterator[tuple[Namespace, Namespace]]:
    """Two machines on one wire: boot0 of the first, rack0 (192.168.7.1/24) of the second."""
    with Namespace(unique("roles-a")) as asker, Namespace(unique("roles-b")) as other:
        veth("boot0", asker, "rack0", other)
        asker.run(["ip", "link", "set", "boot0", "up"])
        other.address("rack0", "192.168.7.1/24")
        yield asker, other


@pytest.fixture
def server(wire: tuple[Namespace, Namespace], tmp_path: Path) -> Iterator[str]:
    """A real dhcpd with a pool on the wire; gives the MAC address of its interface."""
    program = daemon("dhcpd")
    if program is None:
        pytest.skip("no dhcpd here: make setup")
    (tmp_path / "conf").write_text(
        "subnet 192.168.7.0 netmask 255.255.255.0 { range 192.168.7.100 192.168.7.110; }\n"
    )
    (tmp_path / "leases").touch()
    words = [str(program), "-4", "-f", "--no-pid", "-cf", str(tmp_path / "conf")]
    running = wire[1].popen([*words, "-lf", str(tmp_path / "leases"), "rack0"])
    time.sleep(1.5)
    assert running.poll() is None
    yield wire[1].run(["cat", "/sys/class/net/rack0/address"]).strip()
    running.terminate()
    running.wait(5)


def probe(run_module: RunModule, asker: Namespace, **options: Any) -> dict[str, Any]:
    check = options.pop("check", False)
    answer = run_module(
        "dhcp_probe", {"interface": "boot0", **options}, check=check, inside=asker.inside([])
    )
    return {
        key: answer[key]
        for key in ("changed", "probed", "reason", "servers", "msg")
        if key in answer
    }


def is_up(asker: Namespace) -> bool:
    return ",UP" in asker.run(["ip", "link", "show", "boot0"])


class TestOnAWire:
    pytestmark = on_a_wire

    def test_a_server_is_found_and_its_lease_file_stays_empty(
        self, run_module: RunModule, wire: tuple[Namespace, Namespace], server: str, tmp_path: Path
    ) -> None:
        assert probe(run_module, wire[0], check=True) == {
            "changed": False,
            "probed": True,
            "reason": "",
            "servers": [{"address": "192.168.7.1", "mac": server}],
        }
        assert "binding state active" not in (tmp_path / "leases").read_text()

    def test_the_own_server_is_no_stranger(
        self, run_module: RunModule, wire: tuple[Namespace, Namespace], server: str
    ) -> None:
        assert server
        assert probe(run_module, wire[0], ignore=["192.168.7.1"])["servers"] == []

    def test_a_quiet_wire(self, run_module: RunModule, wire: tuple[Namespace, Namespace]) -> None:
        answer = probe(run_module, wire[0], timeout=1.5)
        assert answer == {"changed": False, "probed": True, "reason": "", "servers": []}

    def test_a_link_that_is_down_is_taken_up_and_down_again(
        self, run_module: RunModule, wire: tuple[Namespace, Namespace], server: str
    ) -> None:
        wire[0].run(["ip", "link", "set", "boot0", "down"])
        answer = probe(run_module, wire[0], link_timeout=5)
        assert answer["servers"] == [{"address": "192.168.7.1", "mac": server}]
        assert not is_up(wire[0])

    def test_a_check_leaves_a_link_down(
        self, run_module: RunModule, wire: tuple[Namespace, Namespace]
    ) -> None:
        wire[0].run(["ip", "link", "set", "boot0", "down"])
        assert probe(run_module, wire[0], check=True) == {
            "changed": False,
            "probed": False,
            "reason": "boot0 is down",
            "servers": [],
        }
        assert not is_up(wire[0])

    def test_a_missing_interface_is_named(
        self, run_module: RunModule, wire: tuple[Namespace, Namespace]
    ) -> None:
        answer = probe(run_module, wire[0], interface="boot9")
        assert answer["msg"].startswith("interface boot9: ")

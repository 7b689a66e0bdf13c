"""Beacons by UDP from simulated boards, on the loopback interface."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from picluster.errors import PiclusterError
from picluster.harvest.live.beacons import observe_beacons
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from twin.devices.beacon import BeaconSender


@pytest.fixture
def port() -> int:
    """A UDP port nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def heard(mac: str, address: str, source: str) -> Observation:
    return Observation(
        mac,  # type: ignore[arg-type]
        Kind.BEACON,
        source,
        address=address,
    )


def timeless(facts: Iterator[Fact]) -> list[Fact]:
    found = list(facts)
    assert all(f.seen is not None for f in found if isinstance(f, Observation))
    return [replace(f, seen=None) if isinstance(f, Observation) else f for f in found]


def test_a_bank_is_heard_and_listening_ends_with_the_last_board(port: int) -> None:
    boards = {f"127.0.11.{i}": f"b8:27:eb:11:00:{i:02x}" for i in range(1, 43)}
    begin = time.monotonic()
    with BeaconSender(boards, ("127.0.0.1", port), period_s=0.2):
        facts = timeless(observe_beacons(10, boards=42, address="127.0.0.1", port=port))
    assert time.monotonic() - begin < 5
    assert facts == [heard(mac, address, "beacons:10") for address, mac in boards.items()]


def test_listening_ends_in_time_when_nothing_comes(port: int) -> None:
    steps: list[str] = []
    begin = time.monotonic()
    assert list(observe_beacons(1.2, address="127.0.0.1", port=port, progress=steps.append)) == []
    assert 1.2 <= time.monotonic() - begin < 2
    assert steps == ["beacons:1.2: 0 boards, 1 s left", "beacons:1.2: 0 boards, 0 s left"]


def test_two_boards_with_one_mac_are_both_told(port: int) -> None:
    boards = {"127.0.11.1": "b8:27:eb:11:00:01", "127.0.11.2": "b8:27:eb:11:00:01"}
    with BeaconSender(boards, ("127.0.0.1", port), period_s=0.1):
        facts = timeless(observe_beacons(0.5, address="127.0.0.1", port=port))
    assert facts == [
        heard("b8:27:eb:11:00:01", "127.0.11.1", "beacons:0.5"),
        heard("b8:27:eb:11:00:01", "127.0.11.2", "beacons:0.5"),
    ]


@contextmanager
def sending(port: int, datagrams: list[tuple[str, bytes]]) -> Iterator[None]:
    """Send each datagram from its address once the listener is there."""

    def run() -> None:
        time.sleep(0.2)
        for address, data in datagrams:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((address, 0))
                sock.sendto(data, ("127.0.0.1", port))

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join()


def test_junk_is_counted_and_shown_harmless(port: int) -> None:
    junk = [
        ("127.0.11.1", b"0xb827eb110001"),
        ("127.0.11.1", b"\x00\xff'\n"),
        ("127.0.11.1", b"hello"),
        ("127.0.11.2", b"0x01005e000001"),
        ("127.0.11.3", b"0xb827eb110003; rm -rf /"),
        ("127.0.11.4", b""),
        ("127.0.11.5", b"0xb827eb110005" + b"A" * 60000),
    ]
    with sending(port, junk):
        facts = timeless(observe_beacons(1, address="127.0.0.1", port=port))
    assert facts[0] == heard("b8:27:eb:11:00:01", "127.0.11.1", "beacons:1")
    texts = [f.what for f in facts[1:] if isinstance(f, Remark)]
    assert [text.split(":")[0] for text in texts] == [f"127.0.11.{i}" for i in range(1, 6)]
    assert texts[:2] == [
        '127.0.11.1: not a beacon: b"\\x00\\xff\'\\n" and 1 more',
        "127.0.11.2: multicast or broadcast MAC address: '0x01005e000001'",
    ]
    assert all(text.isprintable() and len(text) < 140 for text in texts)


def test_one_sender_cannot_fill_the_table(port: int) -> None:
    flood = [("127.0.11.9", f"0xb827eb{i:06x}".encode()) for i in range(1, 101)]
    with sending(port, flood):
        facts = timeless(observe_beacons(1, address="127.0.0.1", port=port))
    macs = [f.mac for f in facts if isinstance(f, Observation)]
    assert macs == [f"b8:27:eb:00:00:{i:02x}" for i in range(1, 9)]
    assert facts[-1] == Remark(
        "127.0.11.9 claims more than 8 MAC addresses: 92 beacons left out", "beacons:1"
    )


def test_flood_keeps_time_and_memory(port: int) -> None:
    stop = threading.Event()

    def flood() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            number = 0
            while not stop.is_set():
                number += 1
                data = f"0x{number:012x}" if number % 2 else f"junk {number}"
                try:
                    sock.sendto(data.encode(), ("127.0.0.1", port))
                except ConnectionRefusedError:
                    time.sleep(0.01)

    thread = threading.Thread(target=flood)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    thread.start()
    begin = time.monotonic()
    facts = list(observe_beacons(2, address="127.0.0.1", port=port))
    seconds = time.monotonic() - begin
    stop.set()
    thread.join()
    assert seconds < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024  # KiB
    assert len([f for f in facts if isinstance(f, Observation)]) == 8
    assert len([f for f in facts if isinstance(f, Remark)]) == 2


def test_port_that_is_taken(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
        with pytest.raises(PiclusterError) as caught:
            list(observe_beacons(1, address="127.0.0.1", port=port))
    assert str(caught.value) == (
        f"beacons:1: cannot listen on 127.0.0.1:{port}: address already in use; "
        "stop the other listener (ss -lunp), or check address and interface"
    )


def test_interface_bounds_what_is_heard(port: int) -> None:
    boards = {"127.0.11.1": "b8:27:eb:11:00:01"}
    with BeaconSender(boards, ("127.0.0.1", port), period_s=0.1):
        facts = timeless(observe_beacons(0.5, interface="lo", port=port))
    assert facts == [heard("b8:27:eb:11:00:01", "127.0.11.1", "beacons:0.5")]
    with pytest.raises(PiclusterError, match="on 'nosuch0': no such device"):
        list(observe_beacons(0.5, interface="nosuch0", port=port))


def test_sender_stops_by_itself(port: int) -> None:
    sender = BeaconSender({"127.0.0.1": "b8:27:eb:11:00:01"}, ("127.0.0.1", port), lifetime_s=0.2)
    sender.start()
    time.sleep(0.3)
    sender.stop()
    assert sender.sent <= 1

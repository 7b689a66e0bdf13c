"""A board against a fake clock and a small head; the event loop on a socket pair."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picluster.errors import PiclusterError
from picluster.mac import parse_mac
from twin.rom import Event, Rom, Stage, Storm, Timing
from twin.rom.capture import _attach, ip_filter
from twin.rom.dhcp import Offer
from twin.rom.frames import (
    BROADCAST,
    Arp,
    Datagram,
    arp_reply,
    arp_request,
    mac_bytes,
    parse_arp,
    parse_udp,
    udp_frame,
)
from twin.rom.machine import Machine
from twin.rom.quirk import REPEATS, Quirk
from twin.rom.sequence import Ask
from twin.rom.tftp import State

MAC = parse_mac("b8:27:eb:00:00:01")
OTHER = parse_mac("b8:27:eb:00:00:02")
BOARD = mac_bytes(MAC)
SERVER_MAC, SERVER, ADDRESS = b"\x02\0\0\0\0\x01", b"\x0a\0\0\x01", b"\x0a\0\0\x02"
OFFER = Offer(BOARD, ADDRESS, SERVER, SERVER, b"\xff\0\0\0", None, bootable=True)


class Bench:
    """A board, what it sends and says, and a clock that jumps to the next thing due."""

    def __init__(self, rom: Rom, quirk: Quirk | None = None) -> None:
        self.frames: list[bytes] = []
        self.events: list[Event] = []
        self.machine = Machine(
            rom, lambda frame: self.frames.append(bytes(frame)), self.events.append
        )
        self.machine.power_on(0.0, quirk or Quirk())

    def run_until(self, end: float) -> None:
        while self.machine.wake_s <= end:
            self.machine.on_time(self.machine.wake_s)

    def times(self, what: str) -> list[float]:
        return [event.at_s for event in self.events if event.what == what]

    def datagrams(self) -> list[Datagram]:
        return [got for got in map(parse_udp, self.frames) if got is not None]


def test_four_discovers_between_18_and_33_s_then_silence_until_the_power_is_cycled() -> None:
    bench = Bench(Rom(MAC))
    bench.run_until(1e6)
    assert bench.times("discover") == [18, 23, 28, 33]
    assert bench.machine.done
    assert bench.machine.result().reason == "no offer after 4 tries of the ROM"
    assert bench.machine.result().stage is Stage.DHCP
    assert len(bench.frames) == 4
    bench.machine.on_offer(OFFER, 40.0)  # too late: it listens no more
    assert len(bench.frames) == 4
    bench.machine.power_on(100.0)
    bench.run_until(1e6)
    assert bench.times("discover")[4:] == [118, 123, 128, 133]


@pytest.mark.parametrize(
    ("quirk", "sent"),
    [(Quirk(link_s=45), 0), (Quirk(link_s=27), 2), (Quirk(lost_discovers=1), 3)],
)
def test_what_the_wire_loses_was_asked_all_the_same(quirk: Quirk, sent: int) -> None:
    bench = Bench(Rom(MAC), quirk)
    bench.run_until(1e6)
    assert (len(bench.times("discover")), len(bench.frames)) == (4, sent)


def test_a_deaf_board_takes_no_offer() -> None:
    bench = Bench(Rom(MAC), Quirk(deaf=True))
    bench.run_until(18)
    bench.machine.on_offer(OFFER, 18.0)
    bench.run_until(1e6)
    assert bench.machine.result().address is None


def at_firmware(quirk: Quirk) -> Bench:
    """A board whose ROM has had its files, and whose bootcode.bin has just asked."""
    bench = Bench(Rom(MAC), quirk)
    bench.run_until(18)
    machine = bench.machine
    machine.on_offer(OFFER, 18.0)
    machine.on_arp(arp_of(reply=True), 18.0)
    machine.transfer = None
    machine._end_of_files(19.0)
    bench.run_until(19.2)
    return bench


def arp_of(*, reply: bool) -> Arp:
    return Arp(not reply, SERVER_MAC, SERVER, ADDRESS)


def test_a_credulous_board_uses_the_address_of_another_one() -> None:
    bench = at_firmware(Quirk(credulous=True))
    bench.machine.on_offer(OFFER, 19.3)  # its own: not taken
    assert bench.machine.waits_for_offer
    theirs = replace(OFFER, chaddr=mac_bytes(OTHER), address=b"\x0a\0\0\x63")
    bench.machine.on_offer(theirs, 19.3)
    assert bench.machine.result().addresses == ("10.0.0.2", "10.0.0.99")


def test_a_board_off_the_plan_uses_its_own_address_from_bootcode_on() -> None:
    bench = at_firmware(Quirk(address="10.0.0.77"))
    bench.machine.on_offer(OFFER, 19.3)
    assert bench.machine.result().addresses == ("10.0.0.2", "10.0.0.77")


def reading(quirk: Quirk, path: str) -> Bench:
    """A board that has just asked for a file."""
    bench = at_firmware(quirk)
    bench.machine.on_offer(OFFER, 19.3)
    bench.machine._hop_mac = SERVER_MAC
    bench.machine._request(19.4, Ask(path))
    return bench


def test_a_board_that_stalls_has_asked_and_answers_nobody() -> None:
    bench = reading(Quirk(stalls_at="config.txt"), "00000001/config.txt")
    assert bench.datagrams()[-1].payload.startswith(b"\0\x0100000001/config.txt")
    assert (bench.machine.done, bench.machine.transfer) == (True, None)


def test_a_board_that_is_stuck_asks_for_its_file_again_and_again() -> None:
    bench = reading(Quirk(repeats="start_cd.elf"), "start_cd.elf")
    asked = 0
    while not bench.machine.done:
        transfer = bench.machine.transfer
        assert transfer is not None
        asked += 1
        transfer.state = State.DONE
        bench.machine.on_transfer_end(bench.machine.wake_s)
        bench.run_until(bench.machine.wake_s if not bench.machine.done else 0)
    assert asked == REPEATS + 1
    assert bench.machine.result().reason == f"start_cd.elf: {REPEATS} times again"


def test_a_faster_clock_shortens_the_waits() -> None:
    bench = Bench(Rom(MAC, timing=Timing(speed=10)))
    bench.run_until(1e6)
    assert bench.times("discover") == [1.8, 2.3, 2.8, pytest.approx(3.3)]
    assert bench.machine.result().finished_s == pytest.approx(3.8)


@pytest.mark.parametrize(
    ("offer", "promiscuous", "taken"),
    [
        (OFFER, False, True),
        (replace(OFFER, bootable=False), False, False),
        (replace(OFFER, address=None), False, False),
        (replace(OFFER, chaddr=mac_bytes(OTHER)), False, False),
        (replace(OFFER, chaddr=mac_bytes(OTHER)), True, True),
    ],
)
def test_which_offers_are_taken(offer: Offer, promiscuous: bool, taken: bool) -> None:
    bench = Bench(Rom(MAC, promiscuous_offers=promiscuous))
    bench.run_until(18)
    bench.machine.on_offer(offer, 18.5)
    assert bench.machine.result().address == ("10.0.0.2" if taken else None)
    asked = [parse_arp(frame) for frame in bench.frames[1:]]
    assert asked == ([Arp(True, BOARD, ADDRESS, SERVER)] if taken else [])
    assert not any(b"\x35\x01\x03" in got.payload for got in bench.datagrams())  # no REQUEST


def test_an_address_and_a_proxy_menu_together_are_taken() -> None:
    bench = Bench(Rom(MAC))
    bench.run_until(18)
    bench.machine.on_offer(replace(OFFER, bootable=False), 18.1)
    proxy = replace(OFFER, address=None, tftp_server=b"\x0a\0\0\x07")
    bench.machine.on_offer(proxy, 19.2)
    assert parse_arp(bench.frames[-1]) == Arp(True, BOARD, ADDRESS, b"\x0a\0\0\x07")
    assert [offer.taken for offer in bench.machine.result().offers] == [False, True]


def test_without_an_arp_reply_no_file_is_asked_for() -> None:
    bench = Bench(Rom(MAC))
    bench.run_until(18)
    bench.machine.on_offer(OFFER, 18.0)
    bench.run_until(1e6)
    assert [parse_arp(frame) for frame in bench.frames[1:]] == [
        Arp(True, BOARD, ADDRESS, SERVER)
    ] * 3
    assert bench.machine.result().reason == "no ARP reply from 10.0.0.1"


def test_an_unanswered_request_is_sent_five_times_from_one_port() -> None:
    bench = Bench(Rom(MAC))
    bench.run_until(18)
    bench.machine.on_offer(OFFER, 18.0)
    bench.machine.on_arp(Arp(False, SERVER_MAC, SERVER, ADDRESS), 18.0)
    sent_before = len(bench.frames)
    bench.run_until(1e6)
    assert len(bench.frames) == sent_before + 4
    requests = bench.datagrams()[1:]
    assert len(set(requests)) == 1
    assert (requests[0].sport, requests[0].dport) == (49153, 69)
    result = bench.machine.result()
    assert result.reason == "bootcode.bin: no answer after 5 tries"
    assert (result.finished_s, result.stage) == (23.0, Stage.TFTP)


def test_arp_for_the_own_address_is_answered_and_for_others_not() -> None:
    bench = Bench(Rom(MAC))
    bench.run_until(18)
    bench.machine.on_offer(OFFER, 18.0)
    del bench.frames[:]
    bench.machine.on_arp(Arp(True, SERVER_MAC, SERVER, b"\x0a\0\0\x09"), 18.1)
    bench.machine.on_arp(Arp(True, SERVER_MAC, SERVER, ADDRESS), 18.1)
    assert bench.frames == [arp_reply(BOARD, ADDRESS, SERVER_MAC, SERVER)]


def test_a_board_whose_second_discover_nobody_answers_stops_in_the_tftp_stage() -> None:
    bench = Bench(Rom(MAC))
    bench.run_until(18)
    bench.machine.on_offer(OFFER, 18.0)
    bench.machine.on_arp(Arp(False, SERVER_MAC, SERVER, ADDRESS), 18.0)
    for port, payload in (
        (49153, struct.pack("!HH", 3, 1) + b"bootcode"),
        (49154, b"\0\x05\0\x01none\0"),
    ):
        got = Datagram(BOARD, SERVER_MAC, SERVER, ADDRESS, 999, port, payload)
        bench.machine.on_datagram(got, 18.0)
    bench.run_until(1e6)
    result = bench.machine.result()
    assert bench.times("discover")[1:] == pytest.approx([18.1, 23.1, 28.1, 33.1, 38.1])
    assert bench.datagrams()[-1].payload[240 + 5 : 240 + 19].endswith(b"\x01\x03")
    assert (result.stage, result.missing) == (Stage.TFTP, ("bootsig.bin",))
    assert result.reason == "no offer after 5 tries of bootcode.bin"
    assert list(result.files) == ["bootcode.bin"]


def test_serial_comes_from_the_mac_address_or_is_checked() -> None:
    assert Rom(MAC).serial == "00000001"
    assert Rom(MAC, "AB000001").serial == "ab000001"
    with pytest.raises(ValueError, match="not a board serial"):
        Rom(MAC, "xyz")


# ---- the event loop's frame handling, on a socket pair instead of an interface


class Loop:
    """A storm whose frames come from, and go to, the other end of a socket pair."""

    def __init__(self, *roms: Rom) -> None:
        self.wire, self.near = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.wire.setblocking(False)
        self.near.setblocking(False)
        self.storm = Storm("none", list(roms))
        self.storm._out = self.near
        self.machines = self.storm._machines
        for machine in self.machines:
            machine.power_on(0.0)
            machine.on_time(18.0)
        self.sent()

    def take(self, frame: bytes) -> None:
        self.wire.send(frame)
        self.storm._take_ip(self.near)

    def take_arp(self, frame: bytes) -> None:
        self.wire.send(frame)
        self.storm._take_arp(self.near)

    def sent(self) -> list[bytes]:
        frames = []
        try:
            while True:
                frames.append(self.wire.recv(4096))
        except BlockingIOError:
            return frames

    def offer(self, dst: bytes, chaddr: bytes, yiaddr: bytes) -> bytes:
        fixed = struct.pack("!BBBBIHH", 2, 1, 6, 0, 0x26F30339, 0, 0) + bytes(4) + yiaddr
        payload = fixed + bytes(8) + chaddr.ljust(16, b"\0") + bytes(192)
        payload += bytes.fromhex("63825363 350102") + b"\x2b\x11Raspberry Pi Boot\xff"
        return bytes(udp_frame(Datagram(dst, SERVER_MAC, SERVER, yiaddr, 67, 68, payload)))

    def close(self) -> None:
        self.storm.close()
        self.wire.close()
        self.near.close()


@pytest.fixture
def loop():
    made = Loop(Rom(MAC), Rom(OTHER, promiscuous_offers=True))
    yield made
    made.close()


def test_broadcast_offer_reaches_its_board_and_the_credulous_one(loop: Loop) -> None:
    loop.take(loop.offer(BOARD, BOARD, ADDRESS))
    assert [machine.ip for machine in loop.machines] == [ADDRESS, b""]
    loop.take(loop.offer(BROADCAST, b"\xb8\x27\xeb\0\0\x09", b"\x0a\0\0\x09"))
    assert [machine.ip for machine in loop.machines] == [ADDRESS, b"\x0a\0\0\x09"]


def test_transfer_of_70000_blocks_through_the_fast_path() -> None:
    loop = Loop(Rom(MAC))
    loop.take(loop.offer(BOARD, BOARD, ADDRESS))
    loop.take_arp(arp_reply(SERVER_MAC, SERVER, BOARD, ADDRESS))
    loop.sent()
    transfer = loop.machines[0].transfer
    assert transfer is not None
    block = bytes(range(256)) * 2
    for count in range(1, 70_001):
        payload = struct.pack("!HH", 3, count & 0xFFFF) + block
        loop.take(
            bytes(udp_frame(Datagram(BOARD, SERVER_MAC, SERVER, ADDRESS, 999, 49153, payload)))
        )
        ack = parse_udp(loop.sent()[0])
        assert ack is not None
        assert (ack.dport, ack.payload) == (999, struct.pack("!HH", 4, count & 0xFFFF))
    assert transfer.size == 70_000 * 512
    loop.close()


def test_a_short_frame_with_a_long_udp_length_is_no_block(loop: Loop) -> None:
    loop.take(loop.offer(BOARD, BOARD, ADDRESS))
    loop.take_arp(arp_reply(SERVER_MAC, SERVER, BOARD, ADDRESS))
    transfer = loop.machines[0].transfer
    assert transfer is not None
    for number in (1, 2):
        payload = struct.pack("!HH", 3, number) + bytes(512)
        frame = bytes(udp_frame(Datagram(BOARD, SERVER_MAC, SERVER, ADDRESS, 999, 49153, payload)))
        loop.take(frame if number == 1 else frame[:100])
    assert transfer.size == 512


def test_power_is_switched_while_the_storm_runs(loop: Loop) -> None:
    loop.take(loop.offer(BOARD, BOARD, ADDRESS))
    loop.storm.power([MAC], on=False)
    loop.storm._take_switches()
    machine = loop.machines[0]
    assert (machine.stage, machine.ip, machine.wake_s) == (Stage.OFF, b"", float("inf"))
    loop.storm.power([MAC], on=True)
    loop.storm._take_switches()
    assert machine.wake_s == pytest.approx(loop.storm._now() + 18, abs=1)
    with pytest.raises(KeyError):
        loop.storm.power(["b8:27:eb:99:99:99"], on=True)


FRAME = st.binary(max_size=200)


@given(st.lists(FRAME, max_size=8), st.lists(FRAME, max_size=8))
def test_garbage_never_stops_the_loop(tails: list[bytes], raw: list[bytes]) -> None:
    loop = Loop(Rom(MAC))
    good = loop.offer(BOARD, BOARD, ADDRESS)
    for tail in tails:
        loop.take(good[:42] + tail)  # right addresses and ports, any payload
        loop.take(good[: 42 + 243] + tail)  # an OFFER with any options
        loop.take_arp(arp_request(SERVER_MAC, SERVER, ADDRESS)[:14] + tail)
    loop.take(good)
    loop.take_arp(arp_reply(SERVER_MAC, SERVER, BOARD, ADDRESS))
    for tail in [*tails, *raw]:
        loop.take(tail)
        loop.take_arp(tail)
        loop.take(bytes(udp_frame(Datagram(BOARD, SERVER_MAC, SERVER, ADDRESS, 999, 49153, tail))))
    assert loop.machines[0].result().mac == MAC
    loop.close()


def test_a_board_that_was_handed_over_is_silent_and_says_nothing(loop: Loop) -> None:
    loop.take(loop.offer(BOARD, BOARD, ADDRESS))
    loop.storm.hand_over([MAC])
    loop.storm._take_switches()
    machine = loop.machines[0]
    assert (machine.ip, machine.done, machine.wake_s) == (b"", True, float("inf"))
    loop.sent()
    loop.take_arp(arp_request(SERVER_MAC, SERVER, ADDRESS))
    assert loop.sent() == []


def test_two_boards_with_one_mac_address_are_refused() -> None:
    with pytest.raises(PiclusterError, match="same MAC address"):
        Storm("none", [Rom(MAC), Rom(MAC)])


def test_kernel_filter_passes_whole_datagrams_for_boards_and_for_all() -> None:
    wire, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    near.setblocking(False)
    _attach(near, ip_filter([0xB827EB, 0xDCA632]))

    def passes(frame: bytes) -> bool:
        wire.send(frame)
        try:
            return near.recv(4096) == frame
        except BlockingIOError:
            return False

    def frame(dst: str, **changes: int) -> bytes:
        made = udp_frame(Datagram(mac_bytes(dst), BOARD, SERVER, ADDRESS, 1, 2, b"x" * 30))
        for where, value in changes.items():
            made[int(where[2:])] = value
        return bytes(made)

    accepted = [frame(MAC), frame("dc:a6:32:01:02:03"), frame("ff:ff:ff:ff:ff:ff")]
    refused = [
        frame("02:00:00:00:00:01"),
        frame("28:cd:c1:00:00:01"),
        frame(MAC, at23=6),  # TCP
        frame(MAC, at14=0x46),  # IP options
        frame(MAC, at20=0x20),  # more fragments follow
        frame(MAC, at21=1),  # a later fragment
    ]
    try:
        assert [passes(one) for one in accepted] == [True] * 3
        assert [passes(one) for one in refused] == [False] * 6
    finally:
        wire.close()
        near.close()

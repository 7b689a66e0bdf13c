"""One transfer against a small server in the test that may lose, repeat and mix packets."""

from __future__ import annotations

import hashlib
import random
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.rom.content import Kind, problem
from twin.rom.frames import Datagram, parse_udp
from twin.rom.sequence import Ask
from twin.rom.tftp import Ends, State, Transfer, next_block, request

BOARD, SERVER = b"\xb8\x27\xeb\0\0\x01", b"\x02\0\0\0\0\x01"
ENDS = Ends(BOARD, b"\x0a\0\0\x02", SERVER, b"\x0a\0\0\x01", 49155)
TID = 40001


def reply(payload: bytes, *, sport: int = TID) -> Datagram:
    return Datagram(BOARD, SERVER, ENDS.server_ip, ENDS.ip, sport, ENDS.port, payload)


def data(number: int, content: bytes) -> bytes:
    return struct.pack("!HH", 3, number) + content


def sent(frames: list[bytearray]) -> list[tuple[int, bytes]]:
    """Destination port and payload of what the board sends."""
    datagrams = [parse_udp(frame) for frame in frames]
    assert all(got is not None and got.dst_mac == SERVER for got in datagrams)
    return [(got.dport, got.payload) for got in datagrams if got is not None]


@pytest.mark.parametrize(
    ("ask", "payload"),
    [
        (Ask("bootcode.bin"), b"\0\x01bootcode.bin\0octet\0"),
        (Ask("a/start.elf", tsize=True), b"\0\x01a/start.elf\0octet\0tsize\x000\0"),
        (Ask("k", tsize=True, blksize=1024), b"\0\x01k\0octet\0tsize\x000\0blksize\x001024\0"),
    ],
)
def test_request_goes_to_port_69_with_the_options_of_its_stage(ask: Ask, payload: bytes) -> None:
    assert request(ask) == payload
    assert sent([Transfer(ask, ENDS).last]) == [(69, payload)]


@given(
    st.binary(max_size=3000),
    st.sampled_from([0, 512, 600, 1024]),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_content_arrives_whole_over_a_wire_that_repeats_and_mixes(
    content: bytes, blksize: int, tsize: bool, chance: random.Random
) -> None:
    transfer = Transfer(Ask("f", tsize=tsize, blksize=blksize, keep=True), ENDS)
    size = blksize or 512
    options = (b"tsize\0%d\0" % len(content)) * tsize + (b"blksize\0%d\0" % size) * bool(blksize)
    blocks = [content[at : at + size] for at in range(0, len(content) + 1, size)]
    if options:
        assert sent(transfer.receive(reply(b"\0\x06" + options))) == [(TID, b"\0\x04\0\0")]
    for number, block in enumerate(blocks, start=1):
        if chance.random() < 0.3:  # another host, another port, a block from the future
            other = replace(reply(data(number, b"x")), src_ip=b"\x0a\0\0\x09")
            assert transfer.receive(other) == []
            assert transfer.receive(reply(data(number + 7, block))) == []
        if number > 1 and chance.random() < 0.3:
            wrong = reply(data(number, b"x"), sport=9)
            assert sent(transfer.receive(wrong)) == [(9, b"\0\x05\0\x05Unknown transfer ID\0")]
            again = transfer.receive(reply(data(number - 1, blocks[number - 2])))
            assert sent(again) == [(TID, struct.pack("!HH", 4, number - 1))]
        ack = transfer.receive(reply(data(number, block)))
        assert sent(ack) == [(TID, struct.pack("!HH", 4, number))]
    assert transfer.state is State.DONE
    assert bytes(transfer.data) == content
    assert transfer.sha256 == hashlib.sha256(content).hexdigest()
    assert (transfer.size, transfer.announced) == (len(content), len(content) if tsize else None)


def test_probe_acknowledges_the_options_and_breaks_off_at_the_first_block() -> None:
    transfer = Transfer(Ask("f", read=False, tsize=True), ENDS)
    assert sent(transfer.receive(reply(b"\0\x06tsize\x005000\0"))) == [(TID, b"\0\x04\0\0")]
    end = transfer.receive(reply(data(1, bytes(512))))
    assert sent(end) == [(TID, b"\0\x05\0\0Early terminate\0")]
    assert (transfer.state, transfer.size) == (State.DONE, 0)


def test_error_means_missing() -> None:
    transfer = Transfer(Ask("f"), ENDS)
    assert transfer.receive(reply(b"\0\x05\0\x01File not found\0")) == []
    assert (transfer.state, transfer.why) == (State.MISSING, "server error 1")


def test_block_numbers_go_round_to_0() -> None:
    assert next_block(0x0003FFFE) == 0x0003FFFF
    assert next_block(0x0003FFFF) == 0x00030000


@pytest.mark.parametrize(
    ("packets", "code", "why"),
    [
        ([b"\0\x06blksize\x002048\0"], 8, "server wants blocks of 2048 bytes"),
        ([b"\0\x06blksize\x000\0"], 8, "server wants blocks of 0 bytes"),
        ([data(1, bytes(600))], 4, "block of 600 bytes"),
    ],
)
def test_what_was_not_agreed_is_refused(packets: list[bytes], code: int, why: str) -> None:
    transfer = Transfer(Ask("f", tsize=True, blksize=1024), ENDS)
    answers = [sent(transfer.receive(reply(packet))) for packet in packets]
    assert answers[-1] == [(TID, struct.pack("!HH", 5, code) + why.encode() + b"\0")]
    assert (transfer.state, transfer.why) == (State.BROKEN, why)


def test_fast_path_opens_after_the_first_block_of_a_long_read_only() -> None:
    long, kept = Transfer(Ask("f"), ENDS), Transfer(Ask("f", keep=True), ENDS)
    for transfer in (long, kept):
        transfer.receive(reply(data(1, bytes(512))))
    assert long.flow == b"\x0a\0\0\x01\x0a\0\0\x02" + struct.pack("!HH", TID, ENDS.port)
    assert (long.length, long.expect, kept.flow) == (524, 0x00030002, b"")
    long.receive(reply(data(2, b"end")))
    assert (long.state, long.flow) == (State.DONE, b"")


@given(st.lists(st.tuples(st.binary(max_size=700), st.integers(0, 65535)), max_size=12))
def test_any_packets_leave_it_in_a_named_state(packets: list[tuple[bytes, int]]) -> None:
    transfer = Transfer(Ask("f", tsize=True, blksize=1024, keep=True), ENDS)
    for payload, sport in packets:
        for frame in transfer.receive(reply(payload, sport=sport)):
            assert parse_udp(frame) is not None
    assert transfer.state in State
    assert len(transfer.data) <= 64 * 1024


GZIP = b"\x1f\x8b" + bytes(62)
ARM64 = bytes(0x38) + b"ARM\x64" + bytes(4)
ZIMAGE = bytes(0x24) + b"\x18\x28\x6f\x01" + bytes(24)
TREE = b"\xd0\x0d\xfe\xed" + (64).to_bytes(4, "big") + bytes(56)


@pytest.mark.parametrize(
    ("kind", "head", "size", "announced", "expected"),
    [
        (Kind.ANY, b"", 0, None, None),
        (Kind.BOOTCODE, b"", 0, None, "empty file"),
        (Kind.BOOTCODE, b"x", 1, None, None),
        (Kind.START, b"\x7fELF", 9, 9, None),
        (Kind.START, b"\x7fELF", 9, 10, "9 bytes came, 10 were announced"),
        (Kind.START, b"<html>", 9, 9, "no ELF header"),
        (Kind.KERNEL, GZIP, 64, None, None),
        (Kind.KERNEL, ARM64, 64, None, None),
        (Kind.KERNEL, ZIMAGE, 64, None, None),
        (Kind.KERNEL, b"MZ" + bytes(62), 64, None, "neither gzip nor an arm64 or arm kernel image"),
        (Kind.DEVICE_TREE, TREE, 64, None, None),
        (Kind.DEVICE_TREE, TREE, 63, None, "63 bytes came, its header says 64"),
        (Kind.DEVICE_TREE, b"\xd0\x0d", 2, None, "no device tree header"),
        (Kind.INITRAMFS, GZIP, 64, None, None),
        (Kind.INITRAMFS, b"\x28\xb5\x2f\xfd", 4, None, None),
        (Kind.INITRAMFS, b"\xfd7zXZ\0", 6, None, None),
        (Kind.INITRAMFS, b"070701", 6, None, None),
        (Kind.INITRAMFS, b"hello", 5, None, "neither gzip, zstd, xz, lz4 nor cpio"),
    ],
)
def test_content(
    kind: Kind, head: bytes, size: int, announced: int | None, expected: str | None
) -> None:
    assert problem(kind, head, size, announced) == expected

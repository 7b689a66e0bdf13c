"""One TFTP read of the boot ROM (RFC 1350, 2347-2349), without sockets and clocks.

The common case, the next full block of a running transfer, is handled by the event loop itself
with what is kept here (``flow``, ``length``, ``expect``, ``ack``); all else comes to ``receive``.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from twin.rom.content import HEAD
from twin.rom.frames import Datagram, udp_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from twin.rom.sequence import Ask

PORT = 69
#: Largest file taken; a 3B+ has 1 GiB of memory.
SIZE_MAX = 512 << 20
_KEEP_MAX = 64 * 1024
_BLOCK = 512
_DATA = 3
_ACK = 4
_ERROR = 5
_OACK = 6
_WORD = struct.Struct("!HH")
#: Where the block number stands in an ACK frame.
ACK_BLOCK_AT = 44


class State(Enum):
    """Where a transfer stands."""

    RUNNING = auto()
    DONE = auto()  # read to its end, or a probe that found the file
    MISSING = auto()  # the server said no
    BROKEN = auto()  # the transfer cannot go on; see ``why``


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a transfer: MAC addresses, IPv4 addresses and the board's port."""

    mac: bytes
    ip: bytes
    server_mac: bytes
    server_ip: bytes
    port: int


class Transfer:
    """A read, or a probe, of one file.

    Attributes:
        state: where it stands.
        why: the server's or the board's reason when it is missing or broken.
        size: bytes read so far.
        announced: length the server gave as ``tsize``, or ``None``.
        head: the first bytes of the file.
        data: the file, when the request wants it kept (at most 64 KiB of it).
        update: takes bytes into the SHA-256 of what was read.
        last: the frame to send again when no answer comes.
        heard: something of use came since the last look.
        kept: all that was read, when the caller wants it (:meth:`keep`); ``None`` otherwise.
        blksize: block size in force.
        flow: both addresses and both ports as they stand in a frame of the server; empty while
            the event loop must not take blocks: before the first one, for probes and kept files.
        length: UDP length of a full block.
        expect: operation and block number of the next DATA packet, as they stand in a frame.
        ack: the frame that acknowledges; its block number is written in place.
    """

    __slots__ = (
        "_ask", "_digest", "_ends", "_sport", "ack", "announced", "blksize", "data", "expect",
        "flow", "head", "heard", "kept", "last", "length", "size", "state", "update", "why",
    )  # fmt: skip

    def __init__(self, ask: Ask, ends: Ends) -> None:
        self._ask = ask
        self._ends = ends
        self._sport = 0
        self.state = State.RUNNING
        self.why = ""
        self.size = 0
        self.announced: int | None = None
        self.head = b""
        self.data = bytearray()
        self._digest = hashlib.sha256()
        self.update: Callable[[bytes | memoryview], None] = self._digest.update
        self.kept: bytearray | None = None
        self.heard = False
        self.flow = b""
        self.length = 0
        self.expect = _DATA << 16 | 1
        self.blksize = _BLOCK
        self.ack = bytearray()
        self.last = self._frame(PORT, request(ask))

    def receive(self, datagram: Datagram) -> list[bytearray]:
        """Take a datagram to the board's port; give the frames to send.

        Datagrams of another host are not looked at; ones of another port of the server are
        answered with ERROR 5 (unknown transfer id) and change nothing.
        """
        expected = datagram.src_ip == self._ends.server_ip and self.state is State.RUNNING
        if not expected or len(datagram.payload) < 4:
            return []
        operation, number = _WORD.unpack_from(datagram.payload)
        if self._sport and datagram.sport != self._sport:
            # An error is never answered with an error.
            error = _error(5, b"Unknown transfer ID")
            return [self._frame(datagram.sport, error)] if operation != _ERROR else []
        if operation == _ERROR:
            return self._end(State.MISSING, f"server error {number}")
        return self._answer(operation, number, datagram)

    def _answer(self, operation: int, number: int, datagram: Datagram) -> list[bytearray]:
        """Take what the server answers with: an OACK or block 1 first, then other blocks."""
        first = not self._sport
        usable = number == 1 or not first if operation == _DATA else first and operation == _OACK
        if not usable:
            return []
        if first:
            self._meet(datagram.sport)
        if operation == _OACK:
            return self._options(datagram.payload[2:])
        return self._data(number, datagram.payload[4:])

    @property
    def sha256(self) -> str:
        """Hex digest of what was read so far."""
        return self._digest.hexdigest()

    def keep(self) -> None:
        """Keep every byte read from now on, for those who start what the board has read."""
        kept = self.kept = bytearray()
        digest = self._digest.update

        def update(data: bytes | memoryview) -> None:
            digest(data)
            kept.extend(data)

        self.update = update

    def give_up(self, why: str) -> None:
        """End it from outside."""
        self._end(State.BROKEN, why)

    def _meet(self, sport: int) -> None:
        """Remember the server's port, and prepare the ACK."""
        self._sport = sport
        self.ack = self._frame(sport, _WORD.pack(_ACK, 0))

    def _take(self, payload: bytes) -> None:
        """Take the payload of the expected block and go on to the next one."""
        self.size += len(payload)
        self.update(payload)
        if len(self.head) < HEAD:
            self.head += payload[:HEAD]
        if self._ask.keep and self.size <= _KEEP_MAX:
            self.data += payload
        self.expect = next_block(self.expect)
        self.heard = True
        if len(payload) < self.blksize:
            self._end(State.DONE)
        elif not self._ask.keep and len(self.head) >= HEAD:
            ends = self._ends
            self.flow = ends.server_ip + ends.ip + _WORD.pack(self._sport, ends.port)
            self.length = 12 + self.blksize

    def _options(self, coded: bytes) -> list[bytearray]:
        self.heard = True
        options = _parse_options(coded)
        blksize = options.get(b"blksize", _BLOCK)
        if not 8 <= blksize <= max(self._ask.blksize, _BLOCK):
            return self._refuse(8, f"server wants blocks of {blksize} bytes")
        self.blksize = blksize
        self.announced = options.get(b"tsize") if self._ask.tsize else None
        self.last = self.ack
        return [self.ack]

    def _data(self, number: int, payload: bytes) -> list[bytearray]:
        if len(payload) > self.blksize:
            return self._refuse(4, f"block of {len(payload)} bytes")
        if not self._ask.read:
            self._end(State.DONE)
            return [self._frame(self._sport, _error(0, b"Early terminate"))]
        if _DATA << 16 | number == self.expect:
            self._take(payload)
        elif (number + 1) & 0xFFFF != self.expect & 0xFFFF:
            return []  # neither the next block nor the last one again
        _WORD.pack_into(self.ack, ACK_BLOCK_AT - 2, _ACK, number)
        self.last = self.ack
        return [self.ack]

    def _refuse(self, code: int, why: str) -> list[bytearray]:
        self._end(State.BROKEN, why)
        return [self._frame(self._sport, _error(code, why.encode()))]

    def _end(self, state: State, why: str = "") -> list[bytearray]:
        self.state = state
        self.why = why
        self.flow = b""
        return []

    def _frame(self, sport: int, payload: bytes) -> bytearray:
        ends = self._ends
        return udp_frame(
            Datagram(ends.server_mac, ends.mac, ends.ip, ends.server_ip, ends.port, sport, payload)
        )


def next_block(expect: int) -> int:
    """The DATA packet after this one; numbers of files over 65535 blocks go round to 0."""
    return _DATA << 16 | (expect + 1 & 0xFFFF)


def request(ask: Ask) -> bytes:
    """The read request for a file, mode octet, with the options the stage uses."""
    fields = [b"\0\x01" + ask.path.encode("utf-8", "replace"), b"octet"]
    if ask.tsize:
        fields += [b"tsize", b"0"]
    if ask.blksize:
        fields += [b"blksize", str(ask.blksize).encode()]
    return b"\0".join(fields) + b"\0"


def _error(code: int, text: bytes) -> bytes:
    return _WORD.pack(_ERROR, code) + text + b"\0"


def _parse_options(coded: bytes) -> dict[bytes, int]:
    """Numbers of an OACK by lower-case name; what is no number is left out."""
    words = coded.split(b"\0")
    pairs = zip(words[::2], words[1::2], strict=False)
    return {
        name.lower(): int(value)
        for name, value in pairs
        if value.isdigit() and len(value) <= len(str(1 << 63))
    }

"""Beacons of boards, ``0xb827eb123456`` by UDP, listened to for a while."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from picluster.errors import refusal, shown
from picluster.harvest.live.access import Progress
from picluster.harvest.live.text import now
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import MacAddress

PORT = 3333
#: A /16 holds no more boards.
MAX_PAIRS = 70_000
#: A board has one or two network interfaces; whoever claims more is lying.
MAX_MACS_OF_ADDRESS = 8
MAX_JUNK_SENDERS = 32
_RECEIVE_BUFFER = 4 * 1024 * 1024
_LONGEST = 64


@dataclass(slots=True)
class Tally:
    """What was heard so far; its size is bounded whatever is sent.

    Attributes:
        seen: (MAC address, sender) → time of the last beacon.
        macs: every MAC address heard.
        junk: sender → number of datagrams that were no beacons, and the first of them.
        more_junk: such datagrams of further senders.
        dropped: beacons beyond :data:`MAX_PAIRS`.
        liars: sender → beacons beyond :data:`MAX_MACS_OF_ADDRESS`.
    """

    seen: dict[tuple[MacAddress, str], datetime] = field(default_factory=dict)
    macs: set[MacAddress] = field(default_factory=set)
    junk: dict[str, tuple[int, str]] = field(default_factory=dict)
    more_junk: int = 0
    dropped: int = 0
    liars: dict[str, int] = field(default_factory=dict)
    _claims: dict[str, int] = field(default_factory=dict)

    def hear(self, payload: bytes, sender: str, when: datetime) -> None:
        """Take one datagram."""
        from picluster.harvest.formats.beacon import parse_beacon  # noqa: PLC0415 - as in text.py

        try:
            mac = parse_beacon(payload)
        except ValueError as error:
            self._hear_junk(sender, str(error))
            return
        pair = (mac, sender)
        if pair not in self.seen and not self._admit(sender):
            return
        self.seen[pair] = when
        self.macs.add(mac)

    def _admit(self, sender: str) -> bool:
        claims = self._claims.get(sender, 0)
        if claims >= MAX_MACS_OF_ADDRESS:
            self.liars[sender] = self.liars.get(sender, 0) + 1
            return False
        if len(self.seen) >= MAX_PAIRS:
            self.dropped += 1
            return False
        self._claims[sender] = claims + 1
        return True

    def _hear_junk(self, sender: str, what: str) -> None:
        count, first = self.junk.get(sender, (0, what))
        if count or len(self.junk) < MAX_JUNK_SENDERS:
            self.junk[sender] = (count + 1, first)
        else:
            self.more_junk += 1

    def facts(self, source: str) -> Iterator[Fact]:
        """Yield an observation per MAC address and sender, in their order, then remarks."""
        for (mac, sender), when in sorted(self.seen.items()):
            yield Observation(mac, Kind.BEACON, source, seen=when, address=sender)
        for sender, (count, first) in sorted(self.junk.items()):
            more = f" and {count - 1} more" if count > 1 else ""
            yield Remark(f"{sender}: {first}{more}", source)
        if self.more_junk:
            yield Remark(f"{self.more_junk} datagrams of further senders: no beacons", source)
        for sender, count in sorted(self.liars.items()):
            what = f"{sender} claims more than {MAX_MACS_OF_ADDRESS} MAC addresses"
            yield Remark(f"{what}: {count} beacons left out", source)
        if self.dropped:
            yield Remark(f"more than {MAX_PAIRS} boards: {self.dropped} beacons left out", source)


def observe_beacons(
    seconds: float,
    *,
    boards: int | None = None,
    address: str = "0.0.0.0",  # noqa: S104 - broadcasts reach no socket bound to a host address
    interface: str | None = None,
    port: int = PORT,
    progress: Progress | None = None,
) -> Iterator[Fact]:
    """Listen, then yield who was heard. Two senders of one MAC address are both told.

    Args:
        seconds: how long to listen.
        boards: stop earlier once so many MAC addresses were heard.
        address: local address; broadcasts come to ``0.0.0.0`` or the broadcast address only.
        interface: hear nothing but what comes in here.
        port: UDP port.
        progress: told the number of boards about once a second.

    Raises:
        PiclusterError: the port is taken, or the address or interface is not there.
    """
    source = f"beacons:{seconds:g}"
    with _listen(address, interface, port, source) as sock:
        tally = _collect(sock, seconds, boards, source, progress)
    yield from tally.facts(source)


def _listen(address: str, interface: str | None, port: int, source: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if interface is not None:
            name = interface.encode("ascii", "replace") + b"\0"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        where = f"{address}:{port}" + (f" on {shown(interface)}" if interface else "")
        raise refusal(
            f"cannot listen on {where}: {(error.strerror or str(error)).lower()}",
            "stop the other listener (ss -lunp), or check address and interface",
            file=source,
        ) from None
    return sock


def _collect(
    sock: socket.socket,
    seconds: float,
    boards: int | None,
    source: str,
    progress: Progress | None,
) -> Tally:
    tally = Tally()
    deadline = time.monotonic() + seconds
    told = 0.0
    when = now()
    while (left := deadline - time.monotonic()) > 0:
        if progress is not None and time.monotonic() - told >= 1:
            told = time.monotonic()
            progress(f"{source}: {len(tally.macs)} boards, {left:.0f} s left")
        sock.settimeout(min(left, 1.0))
        try:
            payload, (sender, _) = sock.recvfrom(_LONGEST)
        except TimeoutError:
            continue
        when = now()
        tally.hear(payload, sender, when)
        if boards is not None and len(tally.macs) >= boards:
            break
    return tally

"""Text of packet captures: tcpdump's, in short and verbose form.

Only the client's hardware address (chaddr) is a node: the frame's other address may be a server
that is a Pi itself, or a relay's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from picluster.errors import refusal
from picluster.harvest.formats.base import Context, Format, Line
from picluster.harvest.formats.capture_dhcpdump import Dhcpdump
from picluster.harvest.formats.capture_hex import HexDump
from picluster.harvest.formats.capture_packet import Packet, facts_of
from picluster.harvest.formats.capture_wireshark import Wireshark
from picluster.harvest.formats.dhcp.clock import Clock, epoch
from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import IPV4, MAC, ipv4, or_refuse, unmarked, unquoted_head
from picluster.harvest.formats.tftp import serial_of_path
from picluster.harvest.observation import Fact, Kind

_PACKET = re.compile(
    r"\s*(?:\d+ +)?(?:(?P<day>\d{4}-\d\d-\d\d) )?"
    r"(?:(?P<clock>\d\d:\d\d:\d\d\.\d{3,9})|(?P<unix>\d{9,11}\.\d{3,9})) "
    r"(?:\S+ +(?:In|Out|B|M|P) +)?(?=IP6? |ARP|[0-9a-fA-F:]{17} )"
)
_DHCP = re.compile(rf"[^\"]*?BOOTP/DHCP, (?:Request from (?P<mac>{MAC})|Reply)")
_CHADDR = re.compile(rf"\s+Client-Ethernet-Address (?P<mac>{MAC})")
_YOUR_IP = re.compile(rf"\s+Your-IP (?P<ip>{IPV4})\b")
_GUID = re.compile(
    r"\s+GUID (?:\(97\)|Option 97), length 17: "
    r"(?P<octets>\d{1,3}(?:\.\d{1,3}){16})\s*$"
)
_RRQ = re.compile(rf"[^\"]*?(?P<ip>{IPV4})\.\d{{1,5}} > [^\"]*? RRQ \"(?P<path>[^\"]*)\"")


class Tcpdump:
    """A packet begins with its time; ``-v`` adds indented lines."""

    name = "tcpdump"
    title = "text of tcpdump, short or verbose"
    streams = True

    def matches(self, head: str) -> bool:
        """Whether a packet line is in the head."""
        return any(map(_PACKET.match, unquoted_head(head).splitlines()))

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per DHCP packet with a client address, one per TFTP request.

        Raises:
            PiclusterError: at the end, when there was neither.
        """
        return or_refuse(
            self._facts(lines, context),
            lambda: refusal(
                "shows no DHCP request with its client's address",
                "capture with: tcpdump -vni IFACE port 67 or port 69",
                file=context.source,
            ),
        )

    def _facts(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        clock, boards = Clock(context), Boards(context, Kind.CAPTURE)
        packet = Packet(1)
        for number, raw in lines:
            # the indentation of -v stays: a packet's own lines begin with blanks
            text = unmarked(raw)
            start = _PACKET.match(text)
            if start is not None:
                yield from facts_of(packet, boards)
                packet = Packet(number, _time(start, clock))
            yield from _take(text, number, packet, boards)
        yield from facts_of(packet, boards)


def _take(text: str, number: int, packet: Packet, boards: Boards) -> Iterator[Fact]:
    """Read a line into its packet; a TFTP request is complete at once."""
    if packet.mac is None:
        found = _DHCP.match(text) or _CHADDR.match(text)
        if found is not None and found["mac"]:
            packet.mac, packet.line = found["mac"], number
    if " RRQ " in text:
        request = _RRQ.match(text)
        serial = serial_of_path(request["path"]) if request else None
        if request and serial:
            yield from boards.asked_for(serial, ipv4(request["ip"]), number, packet.seen)
    elif (address := _YOUR_IP.match(text)) is not None:
        packet.address = ipv4(address["ip"])
    elif (guid := _GUID.match(text)) is not None:
        octets = [int(octet) for octet in guid["octets"].split(".")]
        packet.option_97 = bytes(octets) if max(octets) < 256 else b""


def _time(start: re.Match[str], clock: Clock) -> datetime | None:
    if start["unix"]:
        return epoch(float(start["unix"]))
    return clock.iso(f"{start['day']} {start['clock']}") if start["day"] else None


FORMATS: tuple[Format, ...] = (Tcpdump(), Wireshark(), HexDump(), Dhcpdump())

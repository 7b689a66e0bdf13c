"""Text of dhcpdump: a block of named fields per DHCP packet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.capture_packet import Packet, facts_of
from picluster.harvest.formats.dhcp.clock import Clock
from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import ipv4, unquoted, unquoted_head
from picluster.harvest.observation import Fact, Kind

_MARK = re.compile(r"^\s*CHADDR: (?:[0-9a-f]{1,2}:){5,15}[0-9a-f]{1,2}\s*$", re.M)
_FIELD = re.compile(r"\s*(?P<name>TIME|YIADDR|CHADDR): (?P<value>.{1,64})")
# eight octets a line
_OPTION_97 = re.compile(r"\s*OPTION: +97 \( *17\) .*?\s(?P<hex>[0-9a-f]{16})(?:\s|$)")
_MORE = re.compile(r"\s*(?P<hex>(?:[0-9a-f]{2}){1,8})(?:\s|$)")


class Dhcpdump:
    """A packet begins with its ``TIME:``; the client's address is ``CHADDR:``, 16 octets long."""

    name = "dhcpdump"
    title = "text of dhcpdump"
    streams = True

    def matches(self, head: str) -> bool:
        """Whether a packet's client address is in the head."""
        return _MARK.search(unquoted_head(head)) is not None

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per packet."""
        clock, boards = Clock(context), Boards(context, Kind.CAPTURE)
        packet = Packet(1)
        for number, raw in lines:
            text = unquoted(raw)
            field = _FIELD.match(text)
            if field is not None and (field["name"] == "TIME" or _second(field, packet)):
                yield from facts_of(packet, boards)
                packet = Packet(number)
            if field is not None:
                _take(field, number, packet, clock)
            elif option := _OPTION_97.match(text):
                packet.option_97 = bytes.fromhex(option["hex"])
            elif 0 < len(packet.option_97) < 17 and (more := _MORE.match(text)):
                packet.option_97 += bytes.fromhex(more["hex"])
        yield from facts_of(packet, boards)


def _second(field: re.Match[str], packet: Packet) -> bool:
    return field["name"] == "CHADDR" and packet.mac is not None


def _take(field: re.Match[str], number: int, packet: Packet, clock: Clock) -> None:
    value = field["value"].strip()
    if field["name"] == "TIME":
        packet.seen = clock.iso(value)
    elif field["name"] == "YIADDR":
        packet.address = ipv4(value)
    else:
        packet.mac, packet.line = ":".join(value.split(":")[:6]), number

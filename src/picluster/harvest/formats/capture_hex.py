"""Hex dumps of frames: Wireshark's bytes pane, ``tcpdump -xx``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from picluster.errors import refusal
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.capture_packet import Packet, facts_of
from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import ipv4, or_refuse, unmarked
from picluster.harvest.observation import Fact, Kind

_ROW = re.compile(
    r"\s*(?:0x(?P<at>[0-9a-f]{4,8}): +"
    r"(?P<words>(?:[0-9a-f]{2}){1,2}(?: (?:[0-9a-f]{2}){1,2}){0,15})"
    r"|(?P<offset>[0-9a-f]{4,8}) {2,3}(?P<bytes>[0-9a-f]{2}(?: {1,2}[0-9a-f]{2}){0,15}))(?:\s|$)"
)
_OTHER = re.compile(r"^\s*(?:\d+ +)?(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{3,}|^Frame \d+: ", re.M)
_LONGEST = 2048
_ETHERNET, _IP_TYPE, _VLAN_TYPE = 14, b"\x08\x00", b"\x81\x00"
_PORTS = {67, 68}
_CHADDR, _YIADDR, _OPTIONS = 28, 16, 240


class HexDump:
    """Rows of offset and bytes; offset 0 begins a frame."""

    name = "hexdump"
    title = "hex dump of frames"
    streams = True

    def matches(self, head: str) -> bool:
        """Whether a dump begins in the head and no packet is described in words."""
        head = "\n".join(map(unmarked, head.splitlines()))
        rows = (_ROW.match(line) for line in head.splitlines())
        return any(row and _at(row) == 0 for row in rows) and not _OTHER.search(head)

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per DHCP frame.

        Raises:
            PiclusterError: at the end, when there was none.
        """
        return or_refuse(
            self._facts(lines, context),
            lambda: refusal(
                "is a hex dump without a DHCP packet",
                "give the text of tcpdump -vn",
                file=context.source,
            ),
        )

    def _facts(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        boards = Boards(context, Kind.CAPTURE)
        frame, first = bytearray(), 1
        for number, raw in lines:
            text = unmarked(raw)
            row = _ROW.match(text)
            if row is None:
                continue
            if _at(row) == 0:
                yield from facts_of(_packet(bytes(frame), first), boards)
                frame, first = bytearray(), number
            if _at(row) == len(frame) < _LONGEST:  # a missing row ends the frame
                frame += bytes.fromhex(row["words"] or row["bytes"])
        yield from facts_of(_packet(bytes(frame), first), boards)


def _at(row: re.Match[str]) -> int:
    return int(row["at"] or row["offset"], 16)


def _packet(frame: bytes, line: int) -> Packet:
    dhcp = _dhcp(frame)
    if len(dhcp) < _CHADDR + 6 or dhcp[1:3] != b"\x01\x06":
        return Packet(line)
    address = ".".join(map(str, dhcp[_YIADDR : _YIADDR + 4]))
    return Packet(
        line,
        None,
        dhcp[_CHADDR : _CHADDR + 6].hex(":"),
        ipv4(address),
        _option(dhcp[_OPTIONS:], 97),
    )


def _dhcp(frame: bytes) -> bytes:
    """The payload of a DHCP frame, with or without its Ethernet header; else nothing."""
    tag = 4 if frame[12:14] == _VLAN_TYPE else 0
    start = _ETHERNET + tag if frame[12 + tag : 14 + tag] == _IP_TYPE else 0
    ip = frame[start:]
    if len(ip) < 20 or ip[0] >> 4 != 4 or ip[9] != 17:
        return b""
    udp = ip[(ip[0] & 15) * 4 :]
    ports = {int.from_bytes(udp[0:2], "big"), int.from_bytes(udp[2:4], "big")}
    return udp[8:] if ports <= _PORTS else b""


def _option(options: bytes, wanted: int) -> bytes:
    at = 0
    while at + 1 < len(options) and options[at] != 255:
        if options[at] == 0:
            at += 1
            continue
        length = options[at + 1]
        if options[at] == wanted:
            found = options[at + 2 : at + 2 + length]
            return found if len(found) == length else b""
        at += 2 + length
    return b""

"""Wireshark's and ``tshark -V``'s packet details as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from picluster.errors import refusal, shown
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.capture_packet import Packet, facts_of
from picluster.harvest.formats.dhcp.clock import epoch
from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import IPV4, MAC, ipv4, or_refuse, unmarked
from picluster.harvest.observation import Fact, Kind

_DHCP = r"(?:Bootstrap Protocol|Dynamic Host Configuration Protocol)(?: \(\w+\))?\s*$"
_MARK = re.compile(rf"^Frame \d+: |^\s*{_DHCP}|^No\.\s+Time\s+Source\s+Destination", re.M)
_FRAME = re.compile(r"Frame \d+: ")
_FRAME_OR_DHCP = re.compile(rf"Frame \d+: |\s*{_DHCP}")
_FIELDS = re.compile(
    rf"\s*(?:Ethernet II, Src: [^()]*\((?P<sender>{MAC})\), Dst:"
    rf"|Internet Protocol Version 4, Src: (?:[^()]*\()?(?P<ip>{IPV4})\)?, Dst:"
    r"|Message type: Boot (?P<type>Request|Reply)\b"
    rf"|Your \(client\) IP address: (?:[^()]*\()?(?P<your>{IPV4})\)?\s*$"
    rf"|Client MAC address: (?:[^()]*\()?(?P<chaddr>{MAC})\)?\s*$"
    r"|Client MAC address: (?P<unread>.*)"
    r"|Client Identifier \(UUID\): (?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*$"
    r"|Epoch (?:Arrival )?Time: (?P<unix>\d{9,11}\.\d{1,9})\b)"
)
_ADDRESSES = ("sender", "chaddr", "unread")


@dataclass(slots=True)
class _Frame:
    line: int
    values: dict[str, str]


class Wireshark:
    """Frames of ``name: value`` lines, indented or not."""

    name = "wireshark"
    title = "packet details of Wireshark or tshark -V"
    streams = True

    def matches(self, head: str) -> bool:
        """Whether a frame, a DHCP layer or the packet list's header is in the head."""
        return _MARK.search("\n".join(map(unmarked, head.splitlines()))) is not None

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per DHCP frame.

        Raises:
            PiclusterError: at the end, when there was nothing to say.
        """
        return or_refuse(
            self._facts(lines, context),
            lambda: refusal(
                "shows no DHCP packet with its client's address",
                "export the packet details, expanded",
                file=context.source,
            ),
        )

    def _facts(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        boards = Boards(context, Kind.CAPTURE)
        frame = _Frame(1, {})
        for number, raw in lines:
            text = unmarked(raw)
            # without frame lines a second DHCP layer begins the next packet
            if _FRAME_OR_DHCP.match(text) and (_FRAME.match(text) or "type" in frame.values):
                yield from _packet(frame, boards)
                frame = _Frame(number, {})
            found = _FIELDS.match(text)
            if found is not None and found.lastgroup:
                if found.lastgroup in _ADDRESSES and frame.values.keys().isdisjoint(_ADDRESSES[1:]):
                    frame.line = number
                # the first counts: option 61 repeats the address as the client likes it
                frame.values.setdefault(found.lastgroup, found[found.lastgroup])
        yield from _packet(frame, boards)


def _packet(frame: _Frame, boards: Boards) -> Iterator[Fact]:
    values = frame.values
    mac = values.get("chaddr")
    if mac is None and "unread" in values:
        yield boards.note(f"client address not readable: {shown(values['unread'])}", frame.line)
        return
    if mac is None and values.get("type") == "Request" and values.get("ip") == "0.0.0.0":  # noqa: S104
        # the layer's end was cut off; a sender without an address is the client, never a relay
        mac = values.get("sender")
    option = bytes([0]) + UUID(values["uuid"]).bytes_le if "uuid" in values else b""
    seen = epoch(float(values["unix"])) if "unix" in values else None
    yield from facts_of(Packet(frame.line, seen, mac, ipv4(values.get("your")), option), boards)

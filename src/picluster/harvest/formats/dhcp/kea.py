"""Messages of Kea's DHCPv4 server."""

from __future__ import annotations

import re
from datetime import datetime

from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import IPV4
from picluster.harvest.observation import Fact

_MESSAGE = re.compile(
    r"(?:(?:DEBUG|INFO|WARN|ERROR|FATAL) +(?:\[[^\]]*\] )?)?"
    r"((?:DHCP4|ALLOC_ENGINE_V4)_[A-Z0-9_]+) (?:Received DHCPDECLINE for addr \S+ from client )?"
    r"\[hwtype=1 ([0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})\], cid=\[[^\]]*\]"
    r"(?:, tid=0x[0-9a-f]+)?(.*)",
    re.S,
)
_NAME = re.compile(r"(?:[A-Z]+ +(?:\[[^\]]*\] )?)?((?:DHCP4|ALLOC_ENGINE_V4)_[A-Z0-9_]+) ")
_FAILURE = "ALLOC_ENGINE_V4_ALLOC_FAIL"
_LEASE = re.compile(rf".*?: lease ({IPV4})\b", re.S)
_PACKET = re.compile(
    r".*?\bDHCP(DISCOVER|OFFER|REQUEST|ACK|NAK|DECLINE|RELEASE|INFORM) \(type", re.S
)
_EVENTS = {
    "DHCP4_LEASE_OFFER": "offer",
    "DHCP4_LEASE_ADVERT": "offer",
    "DHCP4_LEASE_ALLOC": "ack",
    "DHCP4_LEASE_REUSE": "ack",
    "DHCP4_INIT_REBOOT": "request",
    "DHCP4_DECLINE_LEASE": "decline",
    "DHCP4_DECLINE_LEASE_MISMATCH": "decline",
    "DHCP4_DECLINE_LEASE_NOT_FOUND": "decline",
    "DHCP4_RELEASE": "release",
    "DHCP4_SUBNET_SELECTION_FAILED": "unknown",
    "DHCP4_NO_SUBNETS_FOR_DIRECT_CLIENT": "unknown",
    "DHCP4_PACKET_NAK_0001": "nak",
}


def facts(
    message: str, number: int | None, seen: datetime | None, boards: Boards
) -> tuple[Fact, ...]:
    """Read one message of Kea (see :func:`picluster.harvest.formats.dhcp.isc.facts`)."""
    found = _MESSAGE.match(message)
    if found is None:
        told = _NAME.match(message)
        known = told is not None and (told[1] in _EVENTS or told[1].startswith(_FAILURE))
        return boards.unclear(message, number) if known and "[hwtype=1 " in message else ()
    name, mac, rest = found.groups()
    event = _EVENTS.get(name)
    if name in {"DHCP4_PACKET_RECEIVED", "DHCP4_PACKET_SEND"}:
        packet = _PACKET.match(rest)
        event = packet[1].lower() if packet else None
    elif name.startswith(_FAILURE):
        event = "no-free-leases"
    if event is None:
        return ()
    lease = _LEASE.match(rest) if event in {"offer", "ack"} else None
    return boards.saw(mac, event, lease[1] if lease else None, number, seen)

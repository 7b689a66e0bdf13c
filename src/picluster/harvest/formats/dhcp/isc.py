"""Messages of ISC dhcpd.

The client's host name stands in parentheses between the MAC address and ``via``, and may hold
anything: a message is read from its start, its reason after the last ``via``.
"""

from __future__ import annotations

import re
from datetime import datetime

from picluster.errors import shown
from picluster.harvest.formats.dhcp.option97 import serial_in
from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import IPV4, is_reason, known_mac
from picluster.harvest.observation import Fact, Kind, Observation
from picluster.mac import MacAddress

_MAC = r"([0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})(?![0-9a-zA-Z:])"
_MESSAGE = re.compile(
    r"(?:DHCP(DISCOVER|OFFER|REQUEST|ACK|NAK|DECLINE|RELEASE)|BOOT(REQUEST|REPLY))"
    rf"(?: (?:on|for|of) ({IPV4})(?: \([^()\s]*\))?)? (?:from|to) {_MAC}(.*)",
    re.S,
)
_INFORMED = re.compile(rf"DHCPACK to ({IPV4}) \({_MAC}\) via ")
_NAMED_REPLY = re.compile(rf"BOOTREPLY (?:for|on) ({IPV4}) to .*\({_MAC}\) via \S+\s*$", re.S)
_OPTION = re.compile(
    r"picluster option-97 ([0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}) ([0-9a-f]{1,2}(?::[0-9a-f]{1,2})*)$"
)
_TROUBLE = re.compile(
    r"Abandoning IP address |ICMP Echo reply while lease |Reclaiming abandoned lease "
    r"|uid lease |Lease conflict |Dynamic and static leases present"
)
#: Other messages that carry no MAC address and are no trouble.
_MUTE = ("DHCPINFORM from ", "DHCPLEASE", "DHCPBULK", "DHCPACTIVE", "DHCPUNASSIGNED")


def facts(
    message: str, number: int | None, seen: datetime | None, boards: Boards
) -> tuple[Fact, ...]:
    """Read one message of dhcpd.

    Args:
        message: the text after the program's name.
        number: its line.
        seen: its time.
        boards: the log's memory.
    """
    found = _MESSAGE.match(message)
    if found is not None:
        verb, boot, address, mac, rest = found.groups()
        event = verb.lower() if verb else {"REQUEST": "discover", "REPLY": "ack"}[boot]
        if ": " in rest and event in {"discover", "request"}:
            event, refused = _refused(event, rest)
            address = None if refused else address
        # an address that was denied is not the board's
        return boards.saw(mac, event, None if event == "nak" else address, number, seen)
    if message.startswith("picluster option-97"):
        return _option(message, number, seen, boards)
    found = _INFORMED.match(message) or _NAMED_REPLY.match(message)
    if found is not None:
        return boards.saw(found[2], "ack", found[1], number, seen)
    if _TROUBLE.match(message):
        return (boards.note(shown(message)[1:-1], number),)
    if message.startswith(("DHCP", "BOOT")) and not message.startswith(_MUTE):
        return boards.unclear(message, number)
    return ()


def _refused(event: str, rest: str) -> tuple[str, bool]:
    """The event by the reason dhcpd gives for not answering."""
    reason = rest.rpartition(" via ")[2].partition(": ")[2].rstrip()
    if not reason:
        return event, False
    if reason.endswith("free leases"):
        return "no-free-leases", True
    if reason.startswith("unknown ") and not reason.startswith("unknown lease"):
        return "unknown", True
    return event, True


def _option(
    message: str, number: int | None, seen: datetime | None, boards: Boards
) -> tuple[Fact, ...]:
    found = _OPTION.match(message.rstrip())
    if found is None:
        return boards.unclear(message, number)
    known = known_mac(found[1])
    if is_reason(known):
        return (boards.note(known, number),)
    mac = MacAddress(known)
    try:
        serial = serial_in([int(byte, 16) for byte in found[2].split(":")[:32]], mac)
    except ValueError as error:
        return (boards.note(str(error), number),)
    return (Observation(mac, Kind.DHCP, boards.source, number, seen, serial=serial),)

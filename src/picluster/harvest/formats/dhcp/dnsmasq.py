"""Messages of dnsmasq's DHCP server, with and without ``log-dhcp``."""

from __future__ import annotations

import re
from datetime import datetime

from picluster.errors import shown
from picluster.harvest.formats.dhcp.option97 import fits_surely, serial_in
from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import IPV4
from picluster.harvest.observation import Fact, Kind, Observation

_MESSAGE = re.compile(
    r"(?:\d{1,10} )?(?:DHCP(DISCOVER|OFFER|REQUEST|ACK|NAK|DECLINE|RELEASE|INFORM)|PXE|BOOTP)"
    rf"\([^()\s]*\) (?:({IPV4}) )?([0-9a-fA-F]{{2}}(?::[0-9a-fA-F]{{2}}){{5}})(?![0-9a-zA-Z:])(.*)",
    re.S,
)
_STARTS = re.compile(r"(?:\d{1,10} )?(?:DHCP[A-Z]{3,8}|PXE|BOOTP)\(")
# the option sent back is the client's own; the tool prints its first 14 bytes
_OPTION = re.compile(
    r"(?:\d{1,10} )?sent size: *17 option: *97 client-machine-id +"
    r"((?:[0-9a-f]{2}:){12,16}[0-9a-f]{2})(?:\.\.\.)?$"
)
_TROUBLE = re.compile(
    r"(?:\d{1,10} )?(?:DHCP packet received on \S+ which has no address"
    r"|no address range available for DHCP request|not using configured address )"
)


def facts(
    message: str, number: int | None, seen: datetime | None, boards: Boards
) -> tuple[Fact, ...]:
    """Read one message of dnsmasq (see :func:`picluster.harvest.formats.dhcp.isc.facts`)."""
    found = _MESSAGE.match(message)
    if found is not None:
        verb, address, mac, rest = found.groups()
        event = _event(verb, rest)
        # on DISCOVER it is a wish, with NAK it was denied
        wished = event in {"discover", "unknown", "no-free-leases", "nak"} and verb is not None
        return boards.saw(mac, event, None if wished else address, number, seen)
    if "client-machine-id" in message:
        return _option(message, number, seen, boards)
    if _TROUBLE.match(message):
        return (boards.note(shown(message)[1:-1], number),)
    if _STARTS.match(message):
        return boards.unclear(message, number)
    return ()


def _event(verb: str | None, rest: str) -> str:
    if verb is None:  # PXE, BOOTP: asked for a boot file
        return "discover"
    if verb == "DISCOVER":  # here the server's reason follows, never the client's name
        if rest.strip() == "ignored":
            return "unknown"
        if rest.strip().startswith("no address"):
            return "no-free-leases"
    return verb.lower()


def _option(
    message: str, number: int | None, seen: datetime | None, boards: Boards
) -> tuple[Fact, ...]:
    found = _OPTION.match(message.rstrip())
    mac = boards.last
    if found is None or mac is None:
        return ()
    try:
        serial = serial_in(bytes.fromhex(found[1].replace(":", "")), mac)
    except ValueError as error:
        return (boards.note(str(error), number),)
    # the line names no board: it is the last one's only when the bits say so
    if not fits_surely(mac, serial):
        return ()
    return (Observation(mac, Kind.DHCP, boards.source, number, seen, serial=serial),)

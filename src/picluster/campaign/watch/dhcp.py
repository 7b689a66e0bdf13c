"""Lines of DHCP servers: ISC dhcpd, dnsmasq, Kea."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from picluster.campaign.events import Sign
from picluster.campaign.watch.entry import Entry
from picluster.campaign.watch.signal import Refused, Signal
from picluster.harvest.formats.base import Context
from picluster.harvest.formats.dhcp import dnsmasq, isc, kea
from picluster.harvest.formats.dhcp.log import Reader
from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import IPV4, ipv4
from picluster.harvest.observation import Observation

PROGRAMS = frozenset({"dhcpd", "dhcpd3", "isc-dhcpd", "dnsmasq-dhcp", "dnsmasq", "kea-dhcp4"})

_SIGNS = {
    "discover": Sign.DISCOVER,
    "offer": Sign.OFFER,
    "request": Sign.REQUEST,
    "ack": Sign.ACK,
    "nak": Sign.NAK,
    "decline": Sign.DECLINE,
    "unknown": Sign.UNANSWERED,
    "no-free-leases": Sign.UNANSWERED,
}
#: The address answered a ping, or a lease file disagrees.
_CONFLICT = re.compile(
    rf"(?:Abandoning IP address ({IPV4}): |ICMP Echo reply while lease ({IPV4}) valid"
    rf"|Lease conflict at ({IPV4})|[^ ]+ not using configured address ({IPV4}) )"
)
#: A line that the rendered dhcpd.conf writes of every DISCOVER, for harvests; with the serial of
#: bootcode.bin, and without any of the boot ROM.
_SERIAL = "picluster option-97 "
_CHOSEN = re.compile(rf"DHCPREQUEST for {IPV4} \(({IPV4})\) from ")


class DhcpLines:
    """Reads them; remembers nothing that outlives a line."""

    def __init__(self) -> None:
        self._boards = Boards(Context("", datetime.fromtimestamp(0, UTC)))

    def read(self, entry: Entry) -> Iterator[Signal | Refused]:
        """What a line says; nothing for one that says nothing of a board."""
        message = entry.message
        if message.startswith(_SERIAL):
            return
        conflict = _CONFLICT.match(message)
        if conflict is not None:
            address = ipv4(next(filter(None, conflict.groups())))
            if address:
                yield Signal(Sign.CONFLICT, address=address, reason="the address answered")
            return
        reader = _reader(entry.program)
        for fact in reader(message, None, None, self._boards):
            if not isinstance(fact, Observation):
                yield Refused("DHCP line not understood")
                continue
            sign = _SIGNS.get(fact.event)
            if sign is not None:
                yield Signal(sign, str(fact.mac), fact.address, server=_chosen(message))


def _reader(program: str) -> Reader:
    if program.startswith("dnsmasq"):
        return dnsmasq.facts
    return kea.facts if program == "kea-dhcp4" else isc.facts


def _chosen(message: str) -> str | None:
    found = _CHOSEN.match(message)
    return ipv4(found[1]) if found else None

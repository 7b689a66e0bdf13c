"""nmap's host discovery: a block per host, in text or XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.rows import (
    MAC,
    ipv4,
    is_reason,
    known_mac,
    unquoted,
    unquoted_head,
)
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import MacAddress


@dataclass(slots=True)
class _Nmap:
    """Blocks that begin with the address and may hold a MAC address further down."""

    name: str
    title: str
    mark: re.Pattern[str]
    host: re.Pattern[str]
    mac: re.Pattern[str]
    streams: bool = True

    def matches(self, head: str) -> bool:
        """Whether a host or the banner stands in the head."""
        return self.mark.search(unquoted_head(head)) is not None

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per host that has a MAC address."""
        address: str | None = None
        for number, raw in lines:
            text = unquoted(raw)
            host = self.host.match(text)
            if host:
                address = next(filter(None, map(ipv4, host.groups())), None)
            for found in self.mac.finditer(text):
                mac = known_mac(found["mac"])
                if is_reason(mac):
                    yield Remark(mac, context.source, number)
                    continue
                yield Observation(
                    MacAddress(mac),
                    Kind.NEIGHBOUR,
                    context.source,
                    number,
                    context.modified,
                    address=address,
                )


NMAP = _Nmap(
    "nmap",
    "`nmap -sn`",
    re.compile(r"^\s*(?:Nmap scan report for \S|Host \S.* (?:is|appears to be) up\b)", re.M),
    # the address is the last word: a host name from the DNS may stand before it
    re.compile(
        r"\s*(?:Nmap scan report for (?:.* )?\(?(?P<ip>[^\s()]+)\)?\s*(?:\[[^\]]*\]\s*)?$"
        # before version 5.10
        r"|Host (?:\S+ )?\(?(?P<old>[^\s()]+)\)? (?:is|appears to be) up\b)"
    ),
    re.compile(rf"^\s*MAC Address: (?P<mac>{MAC})"),
)

# nmap writes an element a line and its attributes in one order, so no XML parser has to be fed
NMAP_XML = _Nmap(
    "nmap-xml",
    "`nmap -sn -oX`",
    re.compile(r"<!DOCTYPE nmaprun>|<nmaprun\b"),
    re.compile(r".*(?:<address addr=\"(?P<ip>[0-9.]+)\" addrtype=\"ipv4\"|<host\b)"),
    re.compile(rf"<address addr=\"(?P<mac>{MAC})\" addrtype=\"mac\""),
)

FORMATS = (NMAP, NMAP_XML)

"""ARP and lease tables of routers and switches: any header that names an IP and a MAC address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.rows import IPV4, ip_group, ipv4, is_reason, known_mac, unquoted
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import MacAddress

_LONGEST = 512
_MAC_WORDS = re.compile(
    r"\b(?:mac(?:[ -]?addr(?:ess)?)?|(?:hw|hardware|ethernet|physical|phys|link-layer|client)"
    r"[ -]addr(?:ess)?|hwaddr|client-id/|hardware)(?=[\s.:,|]|$)",
    re.I,
)
_IP_WORDS = re.compile(
    r"\b(?:ip(?:v4)?(?:[ -]?addr(?:ess)?)?|address|destination|host)(?=[\s.:,|(]|$)", re.I
)
#: Words in the header of leases; an ARP table has none of them.
_LEASE_WORDS = re.compile(
    r"\blease|\bhost-?\s?name\b|\bvalid until\b|\bclient-id\b|\blast-seen\b", re.I
)
_MAC = re.compile(
    r"(?<![\w:.-])(?:01(?P<id>[0-9a-f]{2}(?:\.[0-9a-f]{4}){2}\.[0-9a-f]{2})"
    r"|(?P<mac>[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})"
    r"|[0-9a-f]{4}(?:(?:\.[0-9a-f]{4}){2}|(?:-[0-9a-f]{4}){2})"
    r"|[0-9a-f]{6}-[0-9a-f]{6}))(?![\w:.-])",
    re.I | re.A,
)
_IP = re.compile(rf"(?<![\w:.-]){IPV4}(?![\w:.-])", re.A)
#: Cisco's firewalls print no header: interface, address, MAC address, age.
_BARE = re.compile(
    rf"\s*[\w./-]{{1,48}} {IPV4} [0-9a-f]{{4}}(?:\.[0-9a-f]{{4}}){{2}} (?:\d+|-|alias)\s*$",
    re.I | re.A,
)


class AddressTable:
    """Rows with one MAC address and an IPv4 address, below a header that names both.

    Args:
        others: tells whether a text is of a format of its own, which goes first.
    """

    name = "address-table"
    title = "ARP or lease table of a router or switch: NX-OS, EOS, Junos, VRP, RouterOS, …"
    streams = True

    def __init__(self, others: Callable[[str], bool]) -> None:
        self._others = others

    def matches(self, head: str) -> bool:
        """Whether a row stands below such a header, in a text no other format takes."""
        named = False
        for raw in head.splitlines():
            text = unquoted(raw)
            named = named or _is_header(text)
            if (named and _row(text)) or _BARE.match(text[:_LONGEST]):
                return not self._others(head)
        return False

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per row, a remark per row with an impossible MAC address."""
        kind, event = Kind.NEIGHBOUR, ""
        for number, raw in lines:
            text = unquoted(raw)
            if _is_header(text):
                leases = _LEASE_WORDS.search(text) is not None
                kind, event = (Kind.DHCP, "lease") if leases else (Kind.NEIGHBOUR, "")
                continue
            row = _row(text)
            if row is None or ip_group(row[0]):
                continue
            mac = known_mac(row[0])
            if is_reason(mac):
                yield Remark(mac, context.source, number)
                continue
            yield Observation(
                MacAddress(mac),
                kind,
                context.source,
                number,
                context.modified,
                address=row[1],
                event=event,
            )


def _is_header(text: str) -> bool:
    if len(text) > _LONGEST or _MAC.search(text) or _IP.search(text):
        return False
    found = _MAC_WORDS.search(text)
    return found is not None and bool(
        _IP_WORDS.search(text[: found.start()]) or _IP_WORDS.search(text[found.end() :])
    )


def _row(text: str) -> tuple[str, str] | None:
    """MAC and IPv4 address of a row; ``None`` unless it holds just one MAC address."""
    if len(text) > _LONGEST:
        return None
    macs = list(_MAC.finditer(text))
    address = next(filter(None, map(ipv4, _IP.findall(text))), None)
    if len(macs) != 1 or address is None:
        return None
    digits = macs[0]["id"]
    return (digits.replace(".", "") if digits else macs[0]["mac"]), address

"""Rows of switch tables that need no header: what ``| include`` or ``grep`` leaves of a table."""

from __future__ import annotations

import re

from picluster.harvest.formats.switch.station import Cells

_TYPE = (
    r"(?P<type>dynamic|static|learned|learnt?|secure|self|management|mgmt|config(?:ured)?"
    r"(?: static)?|permanent|igmp|security|port-access-security)"
)
_VLAN = r"(?P<vlan>\d{1,4}|all|-|n/a)"
_DOTTED = r"(?P<mac>[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})"
_ANY = (
    r"(?P<mac>[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})"
    r"|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}|[0-9a-f]{4}(?:-[0-9a-f]{4}){2})"
)
#: A port's name has a digit and no colon-separated octets; the switch's own are words.
_PORT = (
    r"(?P<port>[a-z][a-z-]{0,20} ?\d[\w/.:-]{0,24}|\d{1,3}(?:[/:]\d{1,3}){1,3}"
    r"|cpu|switch|router|drop|sup-eth\S+|-)"
)
_ROWS = tuple(
    re.compile(text, re.ASCII | re.IGNORECASE)
    for text in (
        # Cisco IOS, Arista, Dell N
        rf"\s*(?:[*RSD] +)?{_VLAN} +{_ANY} +{_TYPE} +{_PORT}(?: +\d+ +.*ago)?",
        # Catalyst 4500 and 6500
        rf"\s*(?:[*RSD] +)?{_VLAN} +{_DOTTED} +{_TYPE} +[a-z,]*(?:ip|other)[a-z,]* +{_PORT}",
        rf"\s*(?:[*RSD] +)?{_VLAN} +{_DOTTED} +{_TYPE} +(?:yes|no) +(?:\d+|-) +{_PORT}",
        # NX-OS
        rf"\s*(?:[*+GCEO~] +)?{_VLAN} +{_DOTTED} +{_TYPE} +[\d~-]+ +[FT] +[FT] +{_PORT}",
        # Radlan: S300, PowerConnect
        rf"\s*{_VLAN} +{_ANY} +{_PORT} +{_TYPE}",
        # FASTPATH
        rf"\s*{_VLAN} +{_ANY} +{_PORT} +\d+ +{_TYPE}",
        # AOS-CX, Huawei (VLAN with VSI)
        rf"\s*{_ANY} +{_VLAN}(?:/-){{0,2}} +{_TYPE} +{_PORT}",
        rf"\s*{_ANY} +{_VLAN}(?:/-){{1,2}} +{_PORT} +{_TYPE}(?: +\S+)?",
        # Comware
        rf"\s*{_ANY} +{_VLAN} +{_TYPE} +{_PORT} +(?:aging|noaged|[yn]|\d+)",
        # Huawei, older
        rf"\s*{_ANY} +{_VLAN} +(?:-|\d+) +(?:-|\d+) +{_PORT} +{_TYPE}(?: +\S+)?",
        # ProCurve: with two columns the second may be the port or the VLAN
        r"\s*(?P<mac>[0-9a-f]{6}-[0-9a-f]{6}) +(?P<port>[a-z]?\d{1,3}(?:/[a-z]?\d{1,2})?|trk\d+)"
        r" +(?P<vlan>\d{1,4})",
    )
)


def bare_row(text: str) -> Cells | None:
    """Read a row whose words alone tell which column is which; ``None`` for any other line."""
    for rule in _ROWS:
        if match := rule.fullmatch(text.rstrip()):
            found = match.groupdict()
            return Cells(
                mac=found["mac"],
                port=found["port"],
                vlan=found.get("vlan") or "",
                type=found.get("type") or "",
                single=True,
            )
    return None

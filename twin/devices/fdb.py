"""The forwarding database every simulated switch shows, and how it prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FdbEntry:
    """One learned MAC address.

    Attributes:
        mac: canonical form.
        port: port number, from 1.
        vlan: VLAN id.
        address: IPv4 address snooped with it, or empty.
        hostname: name snooped with it, or empty.
        status: dot1dTpFdbStatus: 1 other, 2 invalid, 3 learned, 4 self, 5 mgmt.
    """

    mac: str
    port: int
    vlan: int = 1
    address: str = ""
    hostname: str = ""
    status: int = 3


#: Gives the entries at the moment a client asks.
Fdb = Callable[[], Iterable[FdbEntry]]

_RULER = "---- ---- ----------------- --------------- ---------------- ------ --- -------------"
_TITLE = "port vlan mac-address       ip-address      hostname          uptime age wireless-type"


def swctrl_mac_show(entries: Iterable[FdbEntry]) -> str:
    """Print as a UniFi switch's ``swctrl mac show`` does: columns cut at the ruler."""
    rows = [
        f"{e.port:4} {e.vlan:4} {e.mac:17} {e.address:15} {e.hostname[:16]:16} {403:6} {9:3}"
        for e in entries
    ]
    return "\n".join([_TITLE, _RULER, *rows, f"Total number of entries: {len(rows)}"])


def swctrl_port_show(entries: Iterable[FdbEntry], uplinks: Iterable[int]) -> str:
    """Print as ``swctrl port show`` does, as far as the uplink mark, port and link go."""
    marked = frozenset(uplinks)
    ports = sorted({e.port for e in entries} | marked)
    rows = [f"{'@U' if p in marked else '':2} {p}  U/U  1000F 20968403 11765150" for p in ports]
    return "\n".join(rows)


def ios_mac_table(entries: Iterable[FdbEntry]) -> str:
    """Print as IOS' ``show mac address-table`` does."""
    rows = []
    for e in entries:
        digits = e.mac.replace(":", "")
        dotted = ".".join(digits[i : i + 4] for i in (0, 4, 8))
        rows.append(f"{e.vlan:4}    {dotted}    DYNAMIC     Gi1/0/{e.port}")
    return "\n".join(
        [
            "          Mac Address Table",
            "-------------------------------------------",
            "",
            "Vlan    Mac Address       Type        Ports",
            "----    -----------       --------    -----",
            *rows,
            f"Total Mac Addresses for this criterion: {len(rows)}",
        ]
    )


def bridge_fdb_show(entries: Iterable[FdbEntry]) -> str:
    """Print as Linux' ``bridge fdb show`` does."""
    return "\n".join(f"{e.mac} dev port{e.port} vlan {e.vlan} master br0" for e in entries)

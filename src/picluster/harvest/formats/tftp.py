"""Messages of TFTP servers: tftpd-hpa, atftpd and dnsmasq.

They name an address and a file. A board asks for ``<serial>/start.elf``: with the DHCP lines of
the same log (:class:`~picluster.harvest.formats.dhcp.reader.Boards`) that gives it its serial.
"""

from __future__ import annotations

import re
from datetime import datetime

from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import IPV4, ipv4
from picluster.harvest.observation import Fact

# the path is the client's word; its own address the server prints
_HPA = re.compile(rf"RRQ from (?:::ffff:)?({IPV4}) filename (.*)", re.S)
_ATFTPD = re.compile(rf"Serving (.*) to (?:::ffff:)?({IPV4}):\d+$", re.S)
_IN_DNSMASQ = re.compile(rf"(?<![\w.])(?:::ffff:)?({IPV4})(?![\w.])")
_FOLDER = re.compile(r"(?:^|/)([0-9a-f]{8})/[^/\s]")
_PROBE = 600


def facts(
    message: str, number: int | None, seen: datetime | None, boards: Boards
) -> tuple[Fact, ...]:
    """Read one message of a TFTP server (see :func:`picluster.harvest.formats.dhcp.isc.facts`)."""
    path, address = _request(message[:_PROBE].rstrip())
    serial = serial_of_path(path)
    return boards.asked_for(serial, ipv4(address), number, seen) if serial else ()


def serial_of_path(path: str) -> str | None:
    """The serial whose folder a path names: the 8 hex digits before a file's name."""
    folder = _FOLDER.search(path)
    return folder[1] if folder else None


def _request(message: str) -> tuple[str, str | None]:
    hpa = _HPA.match(message)
    if hpa is not None:
        # A server with a map file says where it looked after the name that was asked for.
        return hpa[2].partition(" remapped to ")[0], hpa[1]
    atftpd = _ATFTPD.match(message)
    if atftpd is not None:
        return atftpd[1], atftpd[2]
    # dnsmasq speaks the server's language: path and address are told by their form
    found = _IN_DNSMASQ.findall(message)
    return message, found[-1] if found else None

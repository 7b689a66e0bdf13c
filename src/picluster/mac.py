"""MAC addresses, OUIs and board serials of Raspberry Pis.

Sources: IEEE 802 for the address bits; the Raspberry Pi documentation for the prefixes and for
the rule that the MAC address of a 3B or 3B+ is b8:27:eb and the low 24 bits of its serial.
"""

from __future__ import annotations

import re
from typing import NewType

from picluster.errors import shown

#: Canonical form: six lower-case two-digit hex octets joined by colons.
MacAddress = NewType("MacAddress", str)

#: Prefixes assigned to Raspberry Pi boards.
RASPBERRY_PI_OUIS = frozenset(
    {"28:cd:c1", "2c:cf:67", "88:a2:9e", "b8:27:eb", "d8:3a:dd", "dc:a6:32", "e4:5f:01"}
)
#: The prefix whose low three octets are those of the serial (3B, 3B+ and older).
SERIAL_OUI = "b8:27:eb"

_GROUPED = re.compile(
    r"(?:[0-9a-f]{1,2}(?P<sep>[:-])(?:[0-9a-f]{1,2}(?P=sep)){4}[0-9a-f]{1,2}"
    r"|[0-9a-f]{4}(?P<wide>[.:-])[0-9a-f]{4}(?P=wide)[0-9a-f]{4}"
    r"|[0-9a-f]{6}[:-][0-9a-f]{6}"
    r"|(?:0x)?[0-9a-f]{12})",
    re.ASCII,
)
_SERIAL = re.compile(r"(?:0x)?(?:00000000|10000000)?([0-9a-f]{8})", re.ASCII)


def parse_mac(text: str) -> MacAddress:
    """Read a MAC address in any notation switches, servers and Python print.

    Args:
        text: colon, dash, dotted (``b827.eb12.3456``), HP (``b827eb-123456``), bare or ``0x`` hex;
            octets without their leading zero as net-snmp prints them are taken.

    Returns:
        The canonical form.

    Raises:
        ValueError: not a MAC address, or one no board can own: all-zero or a group address
            (multicast or broadcast). The message names the value.
    """
    raw = text.strip().lower()
    match = _GROUPED.fullmatch(raw)
    if match is None:
        raise ValueError(f"not a MAC address: {shown(text)}")
    if match["sep"]:
        digits = "".join(octet.zfill(2) for octet in raw.split(match["sep"]))
    else:
        digits = re.sub(r"[.:-]", "", raw.removeprefix("0x"))
    if digits == "0" * 12:
        raise ValueError(f"all-zero MAC address: {shown(text)}")
    if int(digits[:2], 16) & 1:
        raise ValueError(f"multicast or broadcast MAC address: {shown(text)}")
    return MacAddress(":".join(digits[i : i + 2] for i in range(0, 12, 2)))


def oui(mac: MacAddress) -> str:
    """The first three octets, in canonical form."""
    return mac[:8]


def is_raspberry_pi(mac: MacAddress) -> bool:
    """Whether the OUI is one of Raspberry Pi's."""
    return oui(mac) in RASPBERRY_PI_OUIS


def parse_serial(text: str) -> str:
    """Read a board serial: 8 hex digits, or the 16 of ``/proc/cpuinfo`` whose upper half is fixed.

    Returns:
        8 lower-case hex digits.

    Raises:
        ValueError: anything else; the message names the value.
    """
    match = _SERIAL.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"not a board serial: {shown(text)}")
    return match[1]


def serial_fits(mac: MacAddress, serial: str) -> bool:
    """Whether a board can own both: true for other OUIs, low 24 bits equal for b8:27:eb."""
    return oui(mac) != SERIAL_OUI or mac.replace(":", "")[6:] == serial[2:]

"""The DHCP of the boot ROM and of bootcode.bin: what they send and what they take.

Layout of the DISCOVER: captures of boards without a card in raspberrypi/firmware #859 and #862
(ROM: 320 bytes, 12 requested options, a GUID of 0x44 bytes) and #871, #941 (bootcode.bin:
322 bytes, options 1 and 3 requested too, the GUID holds the serial four times, little-endian).
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from twin.rom.frames import BROADCAST, Datagram, ip_text

#: The transaction id of every DISCOVER of every board (firmware #764, #1067).
XID = 0x26F30339
SERVER_PORT = 67
CLIENT_PORT = 68
#: What option 43 has to hold somewhere; the 3B wants three trailing spaces, not checked here.
PXE_MENU = b"Raspberry Pi Boot"
VENDOR_CLASS = b"PXEClient:Arch:00000:UNDI:002001"
_ROM_REQUESTS = bytes((43, 60, 67, 128, 129, 130, 131, 132, 133, 134, 135, 66))
_BOOTCODE_REQUESTS = _ROM_REQUESTS + bytes((1, 3))
_ROM_GUID = b"\x44" * 16
_MAGIC = b"\x63\x82\x53\x63"
_FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
_OFFER = b"\x02"
_NOWHERE = b"\0" * 4


@dataclass(frozen=True, slots=True)
class Offer:
    """A DHCPOFFER with this boot ROM's transaction id.

    Attributes:
        chaddr: MAC address it is meant for, 6 bytes.
        address: offered IPv4 address, 4 bytes, or ``None`` (a proxy DHCP server's).
        server: option 54, or the sender's address.
        tftp_server: option 66 where it is a dotted quad.
        netmask: option 1.
        router: first address of option 3.
        bootable: option 43 holds :data:`PXE_MENU`.
    """

    chaddr: bytes
    address: bytes | None
    server: bytes
    tftp_server: bytes | None
    netmask: bytes | None
    router: bytes | None
    bootable: bool

    @property
    def boot_server(self) -> bytes:
        """Where the board asks for files: option 66, else the DHCP server.

        The next-server field is ignored (firmware #801), so a server that only sets that one
        fails here as it does with real boards.
        """
        return self.tftp_server or self.server


def discover(mac: bytes, serial: str, *, second: bool) -> Datagram:
    """The DISCOVER of the ROM, or of bootcode.bin (``second``).

    Args:
        mac: 6 bytes.
        serial: 8 hex digits; only bootcode.bin knows it.
        second: of bootcode.bin.
    """
    guid = bytes.fromhex(serial)[::-1] * 4 if second else _ROM_GUID
    options = (
        (53, b"\x01"),
        (55, _BOOTCODE_REQUESTS if second else _ROM_REQUESTS),
        (93, b"\0\0"),
        (94, b"\x01\x02\x01"),
        (97, b"\0" + guid),
        (60, VENDOR_CLASS),
    )
    fixed = _FIXED.pack(
        1, 1, 6, 0, XID, 0, 0, _NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE, mac, b"", b"", _MAGIC
    )
    coded = b"".join(bytes((code, len(value))) + value for code, value in options)
    payload = fixed + coded + b"\xff"
    return Datagram(BROADCAST, mac, _NOWHERE, b"\xff" * 4, CLIENT_PORT, SERVER_PORT, payload)


def parse_offer(datagram: Datagram) -> Offer | None:
    """Read a datagram to port 68; ``None`` unless it is an OFFER with the ROM's xid."""
    payload = datagram.payload
    if datagram.dport != CLIENT_PORT or len(payload) < _FIXED.size:
        return None
    fixed = _FIXED.unpack_from(payload)
    op, htype, hlen, _, xid = fixed[:5]
    yiaddr, chaddr, magic = fixed[8], fixed[11], fixed[14]
    if (op, htype, hlen, xid, magic) != (2, 1, 6, XID, _MAGIC):
        return None
    options = parse_options(payload[_FIXED.size :])
    if options.get(53) != _OFFER:
        return None
    server = options.get(54, b"")
    return Offer(
        chaddr=chaddr[:6],
        address=None if yiaddr == _NOWHERE else yiaddr,
        server=server if len(server) == 4 else datagram.src_ip,
        tftp_server=_dotted_quad(options.get(66, b"")),
        netmask=_four(options.get(1, b"")),
        router=_four(options.get(3, b"")),
        bootable=PXE_MENU in options.get(43, b""),
    )


def parse_options(coded: bytes) -> dict[int, bytes]:
    """Options up to the end mark, the first of each code; what is cut short is left out."""
    options: dict[int, bytes] = {}
    at = 0
    while at < len(coded) and coded[at] != 255:
        if coded[at] == 0:
            at += 1
            continue
        if at + 1 >= len(coded) or at + 2 + coded[at + 1] > len(coded):
            break
        options.setdefault(coded[at], coded[at + 2 : at + 2 + coded[at + 1]])
        at += 2 + coded[at + 1]
    return options


def hop(offer: Offer, *, routed: bool) -> bytes:
    """Whose MAC address the board asks for on the way to its boot server.

    The ROM believes everything to be on its wire (firmware #670); bootcode.bin (``routed``) goes
    through the router when the boot server is outside the netmask.
    """
    server = offer.boot_server
    if not routed or offer.router is None or offer.netmask is None or offer.address is None:
        return server
    mask = int.from_bytes(offer.netmask, "big")
    apart = int.from_bytes(server, "big") ^ int.from_bytes(offer.address, "big")
    return offer.router if apart & mask else server


def describe(offer: Offer) -> str:
    """The offered address, or why the board cannot use the offer."""
    return ip_text(offer.address) if offer.address else "proxy offer"


def _four(value: bytes) -> bytes | None:
    return value[:4] if len(value) >= 4 else None


def _dotted_quad(value: bytes) -> bytes | None:
    try:
        return ipaddress.IPv4Address(value.rstrip(b"\0").decode("ascii")).packed
    except ValueError:  # a host name, or no text: the ROM resolves no names
        return None

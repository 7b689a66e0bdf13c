"""Ethernet, ARP, IPv4 and UDP as the boot ROM writes them.

The ROM's IPv4 header is always the same: TOS 0, identification 0, no flags, TTL 128; its UDP
checksum is 0 (not computed). Source: captures in raspberrypi/firmware #862, #859, #1041.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

BROADCAST = b"\xff" * 6
ETHERTYPE_IP = 0x0800
ETHERTYPE_ARP = 0x0806
#: Bytes before the UDP payload of a frame without IP options.
UDP_PAYLOAD = 42
_MIN_FRAME = 60
_ETHERNET = struct.Struct("!6s6sH")
_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ARP_REQUEST = 1
_ARP_REPLY = 2


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram with the addresses around it (MAC 6 bytes, IPv4 4 bytes)."""

    dst_mac: bytes
    src_mac: bytes
    src_ip: bytes
    dst_ip: bytes
    sport: int
    dport: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Arp:
    """An ARP packet for IPv4 over Ethernet."""

    request: bool
    sender_mac: bytes
    sender_ip: bytes
    target_ip: bytes


def mac_bytes(mac: str) -> bytes:
    """The six bytes of a canonical MAC address."""
    return bytes.fromhex(mac.replace(":", ""))


def ip_text(address: bytes) -> str:
    """Dotted quad of four bytes."""
    return ".".join(map(str, address))


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp_frame(datagram: Datagram) -> bytearray:
    """The whole frame of a datagram as the ROM sends it, padded to 60 bytes."""
    size = 28 + len(datagram.payload)
    addresses = (datagram.src_ip, datagram.dst_ip)
    header = _IP.pack(0x45, 0, size, 0, 0, 128, 17, 0, *addresses)
    header = _IP.pack(0x45, 0, size, 0, 0, 128, 17, checksum(header), *addresses)
    return bytearray(
        (
            _ETHERNET.pack(datagram.dst_mac, datagram.src_mac, ETHERTYPE_IP)
            + header
            + _UDP.pack(datagram.sport, datagram.dport, size - 20, 0)
            + datagram.payload
        ).ljust(_MIN_FRAME, b"\0")
    )


def parse_udp(frame: bytes | memoryview) -> Datagram | None:
    """Read a frame that came in; ``None`` unless it is a whole, unfragmented UDP datagram.

    Checksums are not looked at: between namespaces of one machine the kernel leaves them open.
    """
    if len(frame) < UDP_PAYLOAD or frame[12:14] != b"\x08\x00" or frame[14] != 0x45:
        return None
    _, _, size, _, fragment, _, protocol, _, src_ip, dst_ip = _IP.unpack_from(frame, 14)
    sport, dport, length, _ = _UDP.unpack_from(frame, 34)
    if protocol != 17 or fragment & 0x3FFF or not 8 <= length <= size - 20:
        return None
    if 14 + size > len(frame):
        return None
    payload = bytes(frame[UDP_PAYLOAD : 34 + length])
    return Datagram(bytes(frame[:6]), bytes(frame[6:12]), src_ip, dst_ip, sport, dport, payload)


def arp_request(mac: bytes, address: bytes, wanted: bytes) -> bytes:
    """The frame that asks everybody who has an address."""
    packet = _ARP.pack(1, ETHERTYPE_IP, 6, 4, _ARP_REQUEST, mac, address, b"\0" * 6, wanted)
    return (_ETHERNET.pack(BROADCAST, mac, ETHERTYPE_ARP) + packet).ljust(_MIN_FRAME, b"\0")


def arp_reply(mac: bytes, address: bytes, to_mac: bytes, to_address: bytes) -> bytes:
    """The frame that tells one asker the board's MAC address."""
    packet = _ARP.pack(1, ETHERTYPE_IP, 6, 4, _ARP_REPLY, mac, address, to_mac, to_address)
    return (_ETHERNET.pack(to_mac, mac, ETHERTYPE_ARP) + packet).ljust(_MIN_FRAME, b"\0")


def parse_arp(frame: bytes | memoryview) -> Arp | None:
    """Read an ARP frame; ``None`` for another one, a broken one, or one of another network."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x06":
        return None
    hardware, protocol, hlen, plen, operation, smac, sip, _, tip = _ARP.unpack_from(frame, 14)
    if (hardware, protocol, hlen, plen) != (1, ETHERTYPE_IP, 6, 4):
        return None
    if operation not in (_ARP_REQUEST, _ARP_REPLY):
        return None
    return Arp(operation == _ARP_REQUEST, smac, sip, tip)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys, read and written without a program or a key ring (RFC 4880, RFC 9580)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

ARMOUR = re.compile(
    r"^-----BEGIN PGP ([A-Z ]+)-----[ \t\r]*\n(.*?)^-----END PGP \1-----[ \t\r]*$",
    re.DOTALL | re.MULTILINE,
)
BLANK_LINE = re.compile(r"^[ \t]*\r?\n", re.MULTILINE)
PUBLIC_KEY = "PUBLIC KEY BLOCK"
PUBLIC_KEY_PACKET = 6
# Of a public key: signature, key, user ID, subkey, user attribute. Others could hold a key unseen.
PACKETS = {2, PUBLIC_KEY_PACKET, 13, 14, 17}
NEW_FORMAT = 0x40
PACKET = 0x80
V4, V6 = 4, 6
CRC24_START, CRC24_POLYNOMIAL = 0xB704CE, 0x1864CFB
LINE = 64


def fingerprints(armoured: str) -> list[str]:
    """Give the fingerprint of every primary key of ASCII-armoured public keys, in their order.

    Args:
        armoured: one or more blocks, with any text around them.

    Returns:
        Upper-case hex digits each.

    Raises:
        ValueError: there is no public key in it, a block is damaged, or it holds anything else.
    """
    return [
        _fingerprint(packet)
        for data in _blocks(armoured)
        for tag, packet in _packets(data)
        if tag == PUBLIC_KEY_PACKET
    ]


def rewritten(armoured: str) -> str:
    """Write public keys anew, so that they hold nothing but what :func:`fingerprints` has seen.

    Raises:
        ValueError: as of :func:`fingerprints`.
    """
    return "".join(_armour(data) for data in _blocks(armoured))


def _blocks(armoured: str) -> list[bytes]:
    """Decode the blocks, each of them packets of public keys alone."""
    blocks = []
    for kind, body in ARMOUR.findall(armoured):
        if kind != PUBLIC_KEY:
            raise ValueError(f"it holds a {kind.lower()}, not only public keys")
        data = _dearmour(body)
        tags = {tag for tag, _ in _packets(data)}
        if tags - PACKETS:
            raise ValueError(f"a block of it holds a packet of type {min(tags - PACKETS)}")
        if PUBLIC_KEY_PACKET not in tags:
            raise ValueError("a block of it holds no public key")
        blocks.append(data)
    if not blocks:
        raise ValueError("it holds no ASCII-armoured public key")
    return blocks


def _armour(data: bytes) -> str:
    """Encode a block, with its sum: rpm takes none without."""
    text = base64.b64encode(data).decode()
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    crc = base64.b64encode(_crc24(data).to_bytes(3, "big")).decode()
    head, tail = f"-----BEGIN PGP {PUBLIC_KEY}-----", f"-----END PGP {PUBLIC_KEY}-----"
    return "\n".join([head, "", *lines, f"={crc}", tail, ""])


def _crc24(data: bytes) -> int:
    crc = CRC24_START
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= CRC24_POLYNOMIAL
    return crc


def _dearmour(body: str) -> bytes:
    """Decode the lines between head and tail; headers end at a blank line, ``=`` starts a sum."""
    _, *rest = BLANK_LINE.split(body, maxsplit=1)
    if not rest:
        raise ValueError("a block of it is damaged: no blank line before its data")
    lines = [line.strip() for line in rest[0].splitlines()]
    text = "".join(line for line in lines if not line.startswith("="))
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"a block of it is damaged: {error}") from error


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Split a transferable key into its packets."""
    at = 0
    while at < len(data):
        head = data[at]
        if not head & PACKET:
            raise ValueError("a block of it is damaged: no packet where one must begin")
        if head & NEW_FORMAT:
            tag, (size, width) = head & 0x3F, _new_length(data[at + 1 : at + 6])
        else:
            if head & 3 == 3:
                raise ValueError("a block of it is damaged: a packet of no length")
            tag, width = (head >> 2) & 0x0F, 1 << (head & 3)
            size = int.from_bytes(data[at + 1 : at + 1 + width], "big")
        start = at + 1 + width
        if start + size > len(data):
            raise ValueError("a block of it is cut short")
        yield tag, data[start : start + size]
        at = start + size


def _new_length(data: bytes) -> tuple[int, int]:
    """Give length and width of a length of the new packet format."""
    if not data:
        raise ValueError("a block of it is cut short")
    if data[0] < 192:
        return data[0], 1
    if data[0] < 224:
        return ((data[0] - 192) << 8) + int.from_bytes(data[1:2], "big") + 192, 2
    if data[0] < 255:
        raise ValueError("a block of it is damaged: a packet in parts")
    return int.from_bytes(data[1:5], "big"), 5


def _fingerprint(packet: bytes) -> str:
    version = packet[0] if packet else 0
    if version == V4:
        head = b"\x99" + len(packet).to_bytes(2, "big")
        return hashlib.sha1(head + packet, usedforsecurity=False).hexdigest().upper()
    if version == V6:
        head = b"\x9b" + len(packet).to_bytes(4, "big")
        return hashlib.sha256(head + packet).hexdigest().upper()
    raise ValueError(f"it holds a key of version {version}; rpm takes versions 4 and 6")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints of public keys, read without a program or a key ring (RFC 4880, RFC 9580)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

ARMOUR = re.compile(
    r"^-----BEGIN PGP ([A-Z ]+)-----\s*$(.*?)^-----END PGP \1-----\s*$", re.DOTALL | re.MULTILINE
)
PUBLIC_KEY_PACKET = 6
NEW_FORMAT = 0x40
PACKET = 0x80
V4, V6 = 4, 6


def fingerprints(armoured: str) -> list[str]:
    """Give the fingerprint of every primary key of ASCII-armoured public keys, in their order.

    Args:
        armoured: one or more blocks, with any text around them.

    Returns:
        Upper-case hex digits each.

    Raises:
        ValueError: there is no public key in it, a block is damaged, or it holds a private key.
    """
    found = []
    for kind, body in ARMOUR.findall(armoured):
        if kind != "PUBLIC KEY BLOCK":
            raise ValueError(f"it holds a {kind.lower()}, not only public keys")
        found += [
            _fingerprint(packet)
            for tag, packet in _packets(_dearmour(body))
            if tag == PUBLIC_KEY_PACKET
        ]
    if not found:
        raise ValueError("it holds no ASCII-armoured public key")
    return found


def _dearmour(body: str) -> bytes:
    """Decode the lines between head and tail; headers end at a blank line, ``=`` starts a sum."""
    _, _, encoded = body.lstrip("\n").partition("\n\n") if ":" in body else ("", "", body)
    lines = [line.strip() for line in encoded.splitlines()]
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

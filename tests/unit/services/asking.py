"""A node, and what it sends to have its host key certified."""

from __future__ import annotations

import base64

from node_plan import Node

NODE = Node("172.20.1.7", "b8:27:eb:00:01:07", "pi-1-7")
_KEY_HEADER = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"


def key(number: int = 0) -> str:
    """A public key of which nobody knows the private half."""
    return base64.b64encode(_KEY_HEADER + number.to_bytes(32, "big")).decode()


def request(number: int = 0, mac: str = NODE.mac) -> bytes:
    return f"picluster/1 hostkey mac={mac} key=ssh-ed25519 {key(number)}".encode()

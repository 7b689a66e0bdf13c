"""Wait until addresses fall silent, on a boot server: it is on the nodes' network.

This file is run there by ``python3 -I -``; it uses the standard library only and knows nothing of
picluster. It reads one JSON object from its last argument and writes one to standard output: the
addresses that still answer echo requests, and how long it took.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time

_REQUEST, _REPLY = 8, 0
#: Seconds between two rounds, and rounds in a row without an answer that mean silence.
_ROUND_S, _ROUNDS = 1.0, 3


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def request(identifier: int, number: int) -> bytes:
    """An echo request."""
    head = struct.pack("!BBHHH", _REQUEST, 0, 0, identifier, number)
    return struct.pack("!BBHHH", _REQUEST, 0, _checksum(head), identifier, number)


def replied(packet: bytes, identifier: int) -> bool:
    """Whether an IP packet is the reply to a request of ours."""
    start = (packet[0] & 15) * 4 if packet else 0
    if len(packet) < start + 8:
        return False
    kind, _, _, whose, _ = struct.unpack("!BBHHH", packet[start : start + 8])
    return (kind, whose) == (_REPLY, identifier)


def one_round(sock: socket.socket, addresses: set[str], identifier: int, number: int) -> set[str]:
    """Ask every address once; those that answered within the round."""
    for address in addresses:
        try:
            sock.sendto(request(identifier, number), (address, 0))
        except OSError:
            continue  # nobody there, or no buffer: that is no answer
    heard: set[str] = set()
    until = time.monotonic() + _ROUND_S
    while (left := until - time.monotonic()) > 0:
        if select.select([sock], [], [], left)[0]:
            packet, (address, _) = sock.recvfrom(2048)
            if address in addresses and replied(packet, identifier):
                heard.add(address)
    return heard


def main(text: str) -> dict[str, object]:
    """Wait for what is asked for.

    Args:
        text: JSON with ``addresses`` and ``limit_s``, how long to wait at most.
    """
    order = json.loads(text)
    began = time.monotonic()
    silent = dict.fromkeys(order["addresses"], 0)
    identifier, number = os.getpid() & 0xFFFF, 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        while silent and (number == 0 or time.monotonic() - began < order["limit_s"]):
            number = number % 0xFFFF + 1
            heard = one_round(sock, set(silent), identifier, number)
            silent = {
                address: 0 if address in heard else rounds + 1 for address, rounds in silent.items()
            }
            silent = {address: rounds for address, rounds in silent.items() if rounds < _ROUNDS}
    return {"answering": sorted(silent), "seconds": round(time.monotonic() - began, 1)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[-1])))

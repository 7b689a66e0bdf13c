"""Nodes that say how they are: run in a namespace that has all their addresses.

``python -m tests.bench.watch_nodes`` takes ``{"server", "port", "nodes": [[address, mac]]}`` as a
line of JSON, and sends each node's ready message, then its heartbeats, until its input ends.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time

HEARTBEAT_S = 60.0


def main() -> int:
    """Send until standard input ends."""
    order = json.loads(sys.stdin.readline())
    nodes, target = order["nodes"], (order["server"], order["port"])
    gap, began, sent = HEARTBEAT_S / len(nodes), time.monotonic(), 0
    while True:
        wait_s = began + sent * gap - time.monotonic()
        if select.select([sys.stdin], [], [], max(0.0, wait_s))[0]:
            return 0
        number = sent % len(nodes)
        address, mac = nodes[number]
        event = "ready" if sent < len(nodes) else "alive"
        up = f"{time.monotonic() - began + 60:.1f}"
        text = f"picluster/1 {event} mac={mac} boot={number:016x} up={up} temp=48.3 throttled=0x0"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
            sock.sendto(text.encode(), target)
        sent += 1


if __name__ == "__main__":
    sys.exit(main())

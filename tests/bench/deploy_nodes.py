"""Nodes that answer a roll-out: run in a namespace that has all their addresses.

``python -m tests.bench.deploy_nodes`` takes ``{"server", "port", "assigned", "nodes": [[name,
address, mac]]}`` as a line of JSON. Each node says that it is ready; asked to look, it reads the
file of its bank and says that it has what is assigned; until the input ends. It works nothing:
what is measured is the side of the controller and of the boot server.
"""

from __future__ import annotations

import json
import resource
import selectors
import socket
import sys
from pathlib import Path
from typing import Any

from picluster.rollout.assigned import parse_assigned
from picluster.rollout.live.servers import PORT

#: Datagrams a node hears of at a time.
_MOST = 100


class Nodes:
    """See the module."""

    def __init__(self, order: dict[str, Any]) -> None:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self._target = (order["server"], order["port"])
        self._assigned = Path(order["assigned"])
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        for number, (name, address, mac) in enumerate(order["nodes"]):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((address, PORT))
            sock.setblocking(False)
            start = f"mac={mac} boot={number:016x} up=60.0"
            self._selector.register(sock, selectors.EVENT_READ, (name, start))
            self._say(sock, f"ready {start}")

    def run(self) -> None:
        """Answer until standard input ends."""
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                self._look(key.fileobj, *key.data)

    def _look(self, sock: Any, name: str, start: str) -> None:
        for _ in range(_MOST):
            try:
                sock.recv(512)
            except BlockingIOError:
                break
        path = self._assigned / f"bank_{name.split('-')[1]}"
        text = path.read_text()
        order = text.split("\n", 1)[0].split(" ")[1]
        for workload, version in parse_assigned(text, str(path)).get(name, {}).items():
            words = f"workload {start} workload={workload} version={version.name} order={order}"
            for state in ("starting", "ok"):
                self._say(sock, f"{words} state={state}")

    def _say(self, sock: socket.socket, text: str) -> None:
        sock.sendto(f"picluster/1 {text}".encode(), self._target)


def main() -> int:
    """Run them."""
    Nodes(json.loads(sys.stdin.readline())).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())

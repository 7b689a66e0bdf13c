"""Boards' beacons: ``hex(uuid.getnode())`` by UDP every two seconds, as the real cluster's."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self


def payload(mac: str) -> bytes:
    """The datagram of a board: ``0x`` and the MAC address without leading zeros."""
    return hex(int(mac.replace(":", ""), 16)).encode()


class BeaconSender:
    """Sends for many boards from one thread; stops by itself.

    Attributes:
        sent: datagrams sent.
    """

    def __init__(
        self,
        boards: Mapping[str, str],
        target: tuple[str, int],
        *,
        period_s: float = 2.0,
        lifetime_s: float = 60.0,
    ) -> None:
        """Prepare.

        Args:
            boards: sender's address → MAC address it announces.
            target: where to; a broadcast address is fine.
            period_s: seconds between two beacons of a board.
            lifetime_s: seconds after which it stops.
        """
        self._boards = dict(boards)
        self._target = target
        self._period_s = period_s
        self._lifetime_s = lifetime_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="BeaconSender", daemon=True)
        self.sent = 0

    def start(self) -> Self:
        """Begin to send."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop and wait for it."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        deadline = time.monotonic() + self._lifetime_s
        while not self._stopping.is_set() and time.monotonic() < deadline:
            for address, mac in self._boards.items():
                self._send(address, payload(mac))
            self._stopping.wait(self._period_s)

    def _send(self, address: str, data: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.bind((address, 0))
            try:
                sock.sendto(data, self._target)
                self.sent += 1
            except ConnectionRefusedError:
                return  # nobody listens yet

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

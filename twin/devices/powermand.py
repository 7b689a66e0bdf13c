"""A real PowerMan daemon over its own virtual power controller, on loopback."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from picluster.errors import refusal
from twin.daemons import daemon

_START_S = 10.0


def find_powermand() -> Path | None:
    """The folder PowerMan's package was unpacked in, or the machine's; ``None`` without one."""
    program = daemon("powermand")
    return program.parents[2] if program is not None else None


class Powermand:
    """The daemon, while the context lasts.

    Attributes:
        port: TCP port it listens on.
    """

    def __init__(self, pdu: str, *, outlets: int = 5) -> None:
        """Prepare.

        Args:
            pdu: outlets are called ``<pdu>-1``, ``<pdu>-2``, …
            outlets: number of outlets, at most 16.
        """
        self._pdu = pdu
        self._outlets = outlets
        self._folder = tempfile.TemporaryDirectory(prefix="picluster-powermand-")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    def __enter__(self) -> Self:
        root = find_powermand()
        if root is None:
            raise refusal("PowerMan is not there", "run make setup")
        file = Path(self._folder.name, "powerman.conf")
        last = self._outlets - 1
        file.write_text(
            f'include "{root}/etc/powerman/vpc.dev"\n'
            f'listen "127.0.0.1:{self.port}"\n'
            f'device "v" "vpc" "{root}/usr/sbin/vpcd |&"\n'
            f'node "{self._pdu}-[1-{self._outlets}]" "v" "[0-{last}]"\n'
        )
        self._process = subprocess.Popen(
            [str(root / "usr/sbin/powermand"), "-f", "-c", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()
        return self

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise refusal("powermand does not listen", "start it by hand to see why")

    def stop(self) -> None:
        """End the daemon, and with it its controller."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._folder.cleanup()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])

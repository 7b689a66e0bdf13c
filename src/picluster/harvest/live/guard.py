"""Hard limits on one SSH session with a device that may hang, dribble or flood."""

from __future__ import annotations

import socket
import threading
import time

import netmiko
from netmiko.session_log import SessionLog

#: The largest forwarding databases print to about 2 MiB.
MAX_RECEIVED = 8 * 1024 * 1024


class SessionEndedError(Exception):
    """The session was ended by a limit or by the other side; the text says which."""


class MeteredSocket(socket.socket):
    """A socket that ends after a number of seconds and after a number of bytes.

    Attributes:
        ended: which limit ended it; empty while none did.
    """

    def __init__(self, sock: socket.socket, deadline: float, limit_s: float) -> None:
        """Take over a connected socket until ``deadline`` (``time.monotonic()``)."""
        timeout = sock.gettimeout()
        super().__init__(fileno=sock.detach())
        self.settimeout(timeout)
        self._received = 0
        self.ended = ""
        self._watchdog = threading.Timer(
            max(0.0, deadline - time.monotonic()),
            self._end,
            [f"no complete answer within {limit_s:g} s"],
        )
        self._watchdog.daemon = True
        self._watchdog.start()

    def _end(self, reason: str) -> None:
        self.ended = self.ended or reason
        try:
            self.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other side was faster

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Receive, or end the connection when more came than any table holds."""
        data = super().recv(bufsize, flags)
        self._received += len(data)
        if self._received > MAX_RECEIVED:
            self._end(f"more than {MAX_RECEIVED // 2**20} MiB of answer")
            return b""
        return data

    def close(self) -> None:
        """Close the connection and call the watchdog off."""
        self._watchdog.cancel()
        super().close()


class PollGuard(SessionLog):
    """A session log that keeps nothing and ends netmiko's waiting for a session that is over.

    netmiko polls a channel until its own timeout even when the channel has closed; it writes to
    its session log at every poll, so this is where the end is noticed.
    """

    def __init__(self, metered: MeteredSocket) -> None:
        super().__init__()
        self._metered = metered
        self.connection: netmiko.BaseConnection | None = None

    def write(self, data: str) -> None:
        """Take a poll's data; raise :class:`SessionEndedError` when no more can come."""
        if self._metered.ended:
            raise SessionEndedError(self._metered.ended)
        channel = getattr(self.connection, "remote_conn", None)
        if not data and channel is not None and (channel.closed or channel.eof_received):
            raise SessionEndedError("the switch ended the session")

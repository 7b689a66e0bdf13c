"""The socket that systemd opened for a daemon (``sd_listen_fds(3)``)."""

from __future__ import annotations

import os
import socket

_FIRST = 3


def inherited_socket() -> socket.socket:
    """Take the one datagram socket that systemd handed over.

    Raises:
        SystemExit: there is none, or another kind.
    """
    handed = os.environ.pop("LISTEN_FDS", "") if _for_this_process() else ""
    if handed != "1":
        raise SystemExit("no socket was handed over: start the .socket unit, not this program")
    sock = socket.socket(fileno=_FIRST)
    if (sock.family, sock.type) != (socket.AF_INET, socket.SOCK_DGRAM):
        raise SystemExit("the socket handed over is not one for IPv4 datagrams")
    # A program that this one starts must not hold it.
    sock.set_inheritable(False)
    return sock


def _for_this_process() -> bool:
    return os.environ.pop("LISTEN_PID", "") == str(os.getpid())

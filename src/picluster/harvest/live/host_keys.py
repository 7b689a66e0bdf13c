"""Host keys of switches: what is known, what is shown, what is kept on first use."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import socket
from pathlib import Path

import paramiko

from picluster.errors import os_errors


def host_name(address: str, port: int) -> str:
    """Give the name OpenSSH keeps the key under: ``address``, or ``[address]:port``."""
    return address if port == 22 else f"[{address}]:{port}"


def fingerprint(key: paramiko.PKey) -> str:
    """Give a key's fingerprint as ``ssh-keygen -l`` prints it."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def is_known(known_hosts: Path, name: str) -> bool:
    """Whether the file holds any key for the name.

    Raises:
        PiclusterError: the file exists and cannot be read.
    """
    keys = paramiko.HostKeys()
    if known_hosts.is_file():
        with os_errors("read the host keys", known_hosts):
            keys.load(str(known_hosts))
    return keys.lookup(name) is not None


def learn(sock: socket.socket, known_hosts: Path, name: str, timeout_s: float) -> str:
    """Keep the key of a host that is not known yet.

    Args:
        sock: a fresh connection to the host; it is used up.
        known_hosts: file the key is appended to; made with mode 0600 when absent.
        name: see :func:`host_name`.
        timeout_s: limit of the key exchange, seconds.

    Returns:
        The key's fingerprint.

    Raises:
        paramiko.SSHException: the key exchange failed.
        PiclusterError: the file cannot be written.
    """
    transport = paramiko.Transport(sock)
    transport.banner_timeout = timeout_s
    try:
        transport.start_client(timeout=timeout_s)
        key = transport.get_remote_server_key()
    finally:
        transport.close()
    line = f"{name} {key.get_name()} {key.get_base64()}\n".encode()
    with os_errors("keep the host key", known_hosts):
        known_hosts.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(known_hosts, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            # Several switches may be met for the first time at once.
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line
            file.write(line)
    return fingerprint(key)

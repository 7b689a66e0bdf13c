"""The head's way out: a user-space NAT (slirp4netns), which changes nothing on the machine.

No packet filter rule, no forwarding switch and no interface outside the head's namespace is
touched, so nothing of that kind can be left behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.errors import refusal

if TYPE_CHECKING:
    from twin.net import Namespace

#: Shared address space (RFC 6598), seen by the head alone.
NETWORK = "100.64.0.0/24"
NAMESERVER = "100.64.0.3"
INTERFACE = "eth0"
_READY_S = 10


def connect(namespace: Namespace, log: Path) -> None:
    """Give a namespace the interface ``eth0`` with an address, a default route and DNS.

    Args:
        namespace: the head's.
        log: file for what slirp4netns says.

    Raises:
        PiclusterError: it did not become ready in 10 s; the message holds its words.
    """
    ready_r, ready_w = os.pipe()
    args = [
        "slirp4netns",
        "--configure",
        "--mtu=1500",
        "--disable-host-loopback",
        f"--cidr={NETWORK}",
        f"--ready-fd={ready_w}",
        "--netns-type=path",
        str(namespace.path),
        INTERFACE,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            args,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[ready_w],
            start_new_session=True,
        )
    os.close(ready_w)
    with os.fdopen(ready_r, "rb") as ready:
        # The pipe closes when the process ends, so this waits no longer than it lives.
        os.set_blocking(ready.fileno(), False)
        end = time.monotonic() + _READY_S
        while time.monotonic() < end and process.poll() is None:
            if ready.read(1):
                return
            time.sleep(0.02)
    process.kill()
    process.wait()
    raise refusal(f"slirp4netns gave no network: {log.read_text(errors='replace')[-300:]}")


def disconnect(namespace_path: Path) -> None:
    """End the NAT of a namespace, found by the namespace it serves; twice is fine."""
    for pid in _serving(namespace_path):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
        end = time.monotonic() + 3
        while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
            _reap(pid)
            time.sleep(0.02)


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _serving(namespace_path: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        program = words[0].rpartition(b"/")[2]
        if program == b"slirp4netns" and str(namespace_path).encode() in words:
            found.append(int(entry.name))
    return found

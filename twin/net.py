"""Network namespaces, veth pairs and bridges, by the ``ip`` command; needs root.

Everything made here lies in namespaces, so deleting the namespaces leaves nothing behind::

    with Namespace(unique("rack")) as rack, Namespace(unique("head")) as head:
        veth("uplink", rack, "boot0", head)
        bridge(rack, "core", ["uplink"])
        head.address("boot0", "172.20.0.10/16")
        head.run(["arping", "-c1", "172.20.0.1"])
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from picluster.errors import refusal, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

#: Linux's limit for an interface name, in bytes (IFNAMSIZ less the final zero).
IFNAME_MAX = 15
#: Most ports a Linux bridge takes (BR_MAX_PORTS less one).
BRIDGE_PORTS_MAX = 1023
_BRIDGE_NF = ("arptables", "ip6tables", "iptables")


def unique(prefix: str) -> str:
    """A name no other run uses: the prefix, a dash and six hex digits."""
    return f"{prefix}-{secrets.token_hex(3)}"


def command(args: Sequence[str], *, timeout_s: float = 30) -> str:
    """Run a command and give its standard output.

    Raises:
        PiclusterError: it could not be started, took longer than ``timeout_s`` or failed;
            the message holds the command and the end of its standard error.
    """
    shown_command = " ".join(args)
    try:
        done = subprocess.run(args, capture_output=True, text=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise refusal(f"cannot run {shown(shown_command)}: {error}") from error
    if done.returncode:
        reason = done.stderr.strip()[-400:]
        raise refusal(
            f"{shown(shown_command)} failed with status {done.returncode}: {reason}",
            "run as root" if os.geteuid() else "",
        )
    return done.stdout


class Namespace:
    """A network namespace; a context manager that deletes it, and what runs in it, on leaving.

    Args:
        name: its name for ``ip netns``.
        create: make it (with loopback up); ``False`` takes one that exists, and leaves it alone.

    Raises:
        PiclusterError: it exists already, or the caller is not root.
    """

    def __init__(self, name: str, *, create: bool = True) -> None:
        self.name = name
        self._owned = create
        if not create:
            return
        command(["ip", "netns", "add", name])
        try:
            command(self.inside(["ip", "link", "set", "lo", "up"]))
            self._pass_bridged_frames()
        except BaseException:
            self.delete()
            raise

    @classmethod
    def adopt(cls, name: str) -> Self:
        """Take a namespace that another process made, to delete it; it need not exist."""
        namespace = cls(name, create=False)
        namespace._owned = True
        return namespace

    @property
    def path(self) -> Path:
        """The file that stands for the namespace, as ``nsenter`` and podman take it."""
        return Path("/run/netns") / self.name

    def inside(self, args: Sequence[str]) -> list[str]:
        """The command line that runs a command in the namespace."""
        return ["ip", "netns", "exec", self.name, *args]

    def run(self, args: Sequence[str], *, timeout_s: float = 30) -> str:
        """Run a command inside to its end (see :func:`command`)."""
        return command(self.inside(args), timeout_s=timeout_s)

    def popen(self, args: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a command inside; ``ip netns exec`` becomes it, so the process id is its own."""
        return subprocess.Popen(self.inside(args), **options)

    def address(self, interface: str, cidr: str) -> None:
        """Give an interface inside an address (``172.20.0.10/16``) and bring it up."""
        self.run(["ip", "address", "add", cidr, "dev", interface])
        self.run(["ip", "link", "set", interface, "up"])

    def pids(self) -> list[int]:
        """Process ids that run inside."""
        if not self.path.exists():
            return []
        return [int(pid) for pid in command(["ip", "netns", "pids", self.name]).split()]

    def delete(self) -> None:
        """End what runs inside and delete the namespace with its interfaces; twice is fine."""
        if not self._owned or not self.path.exists():
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
            if _until_empty(self):
                break
        command(["ip", "netns", "delete", self.name])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.delete()

    def _pass_bridged_frames(self) -> None:
        """Keep the machine's packet filter off bridged frames, where the kernel has that switch."""
        for name in _BRIDGE_NF:
            key = f"net.bridge.bridge-nf-call-{name}"
            if Path("/proc/sys", *key.split(".")).exists():
                self.run(["sysctl", "-q", "-w", f"{key}=0"])


def _until_empty(namespace: Namespace, wait_s: float = 3.0) -> bool:
    """Wait until nothing runs in a namespace; ``False`` when something still does."""
    end = time.monotonic() + wait_s
    while namespace.pids():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def veth(a: str, ns_a: Namespace | None, b: str, ns_b: Namespace | None) -> None:
    """Join two namespaces by a veth pair, both ends up; ``None`` is the caller's own namespace.

    Args:
        a: interface name at the first end, at most 15 bytes.
        ns_a: namespace of the first end.
        b: interface name at the second end.
        ns_b: namespace of the second end.
    """
    for name in (a, b):
        _check_name(name)
    # Names of the machine's own namespace must not clash while the ends are on their way.
    args = ["ip", "link", "add", a, *_netns(ns_a), "type", "veth", "peer", "name", b, *_netns(ns_b)]
    command(args)
    for name, namespace in ((a, ns_a), (b, ns_b)):
        _in(namespace, ["ip", "link", "set", name, "up"])


def bridge(namespace: Namespace, name: str, members: Iterable[str], *, ageing_s: int = 300) -> None:
    """Make a bridge, up, without spanning tree, with these interfaces of the namespace as ports.

    Args:
        namespace: where the bridge and its ports are.
        name: interface name of the bridge.
        members: names of existing interfaces; at most 1023.
        ageing_s: how long a MAC address stays in its forwarding database, seconds.
    """
    _check_name(name)
    ports = list(members)
    if len(ports) > BRIDGE_PORTS_MAX:
        raise refusal(
            f"bridge {shown(name)} cannot take {len(ports)} ports; a Linux bridge takes "
            f"{BRIDGE_PORTS_MAX}",
            "use one bridge per bank and one core bridge",
        )
    options = ["stp_state", "0", "forward_delay", "0", "ageing_time", str(ageing_s * 100)]
    namespace.run(["ip", "link", "add", name, "type", "bridge", *options])
    for port in ports:
        attach(namespace, port, name)
    namespace.run(["ip", "link", "set", name, "up"])


def attach(namespace: Namespace, port: str, bridge_name: str) -> None:
    """Make an interface of the namespace a port of a bridge there, and bring it up."""
    namespace.run(["ip", "link", "set", port, "master", bridge_name])
    namespace.run(["ip", "link", "set", port, "up"])


def _netns(namespace: Namespace | None) -> list[str]:
    return [] if namespace is None else ["netns", namespace.name]


def _in(namespace: Namespace | None, args: list[str]) -> None:
    command(args if namespace is None else namespace.inside(args))


def _check_name(name: str) -> None:
    if not 0 < len(name.encode()) <= IFNAME_MAX:
        raise refusal(
            f"not an interface name: {shown(name)}", f"use one of 1 to {IFNAME_MAX} bytes"
        )

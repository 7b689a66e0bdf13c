"""What belongs to the wires of the twin: the way in for Ansible, uplinks that go dark."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING

from picluster.errors import refusal
from picluster.net import dotted
from picluster.plan.layout import fixed_addresses
from twin.net import Namespace

if TYPE_CHECKING:
    from picluster.plan.model import AddressPlan
    from twin.rack import Rack


def free_addresses(plan: AddressPlan) -> tuple[str, str]:
    """Two addresses of the boot network that are nobody's.

    Returns:
        One for a place to log in from, and one for a board that takes a wrong address.

    Raises:
        PiclusterError: there are no two.
    """
    cluster = plan.cluster
    taken = set(fixed_addresses(cluster))
    found: list[str] = []
    for address in range(cluster.network.last - 1, cluster.network.first, -1):
        if address in taken or any(address in bank.block for bank in cluster.banks):
            continue
        found.append(dotted(address))
        if len(found) == 2:
            return found[0], found[1]
    raise refusal(f"no two free addresses in {cluster.network}", "give the cluster a larger one")


def loopback(address: int | None) -> str:
    """An address of this machine that stands for a device's: 127.20.0.31 for 172.20.0.31."""
    return "127." + dotted(address or 1).partition(".")[2]


class WayIn:
    """A namespace on the core switch with an address of its own; a context manager.

    Args:
        name: the twin's.
        rack: the rack, up.
        address: its address with the length of the prefix.
    """

    def __init__(self, name: str, rack: Rack, address: str) -> None:
        self._namespace = f"picluster-{name}-control"
        self._rack = rack
        self._address = address

    def proxy(self) -> str:
        """Words of ``ssh`` that lead through it, for ``ansible_ssh_common_args``."""
        command = f"ip netns exec {self._namespace} nc %h %p"
        return shlex.join(["-o", f"ProxyCommand={command}"])

    def remove(self) -> None:
        """Remove it, whoever made it; twice is fine."""
        Namespace.adopt(self._namespace).delete()

    def __enter__(self) -> WayIn:
        self.remove()
        namespace = Namespace(self._namespace)
        try:
            namespace.run(["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"])
            self._rack.plug("eth0", namespace)
            namespace.address("eth0", self._address)
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def set_uplink(rack: Rack, bank: int, *, up: bool) -> None:
    """Let a bank's switch carry frames to the core, or not; a rack that is gone is fine."""
    with contextlib.suppress(ValueError):
        rack.namespace.run(["ip", "link", "set", f"up{bank}", "up" if up else "down"])

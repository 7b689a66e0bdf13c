"""The racks' network: one core bridge, and one bridge per bank, which is that bank's switch.

Everything lies in one network namespace. A bank's boards are on the interface
:meth:`Rack.bank_interface` of it, each with its own MAC address over raw sockets; a client with
an operating system gets a namespace of its own by :meth:`Rack.client`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Self

from picluster.errors import refusal, shown
from twin.names import hold
from twin.net import Namespace, attach, bridge, unique, veth

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

CORE = "core"
#: Banks of one rack network: as many as a /16 has /24s.
BANKS_MAX = 254


class Rack:
    """The network of a cluster's racks; a context manager that removes it on leaving.

    Args:
        name: as for :class:`twin.head.Head`; the namespace is called after it.
        banks: bank numbers, 0 to 255, each once.
    """

    def __init__(self, name: str, banks: Sequence[int]) -> None:
        if len(set(banks)) != len(banks) or not all(0 <= bank <= 255 for bank in banks):
            raise refusal(f"not bank numbers: {shown(list(banks))}", "use each of 0 to 255 once")
        if len(banks) > BANKS_MAX:
            raise refusal(f"{len(banks)} banks in one rack network", f"use at most {BANKS_MAX}")
        self.name = name
        self.banks = tuple(banks)
        self._lock: IO[str] | None = None

    @property
    def namespace(self) -> Namespace:
        """The namespace of all bridges and of the boards' interfaces."""
        return Namespace(f"picluster-{self.name}-rack", create=False)

    def bank_interface(self, bank: int) -> str:
        """Interface, in :attr:`namespace`, on which the boards of a bank are.

        Raises:
            PiclusterError: the rack has no such bank.
        """
        if bank not in self.banks:
            raise refusal(f"no bank {bank} in rack {shown(self.name)}", f"it has {self.banks}")
        return f"boards{bank}"

    def up(self) -> None:
        """Make the namespace, the bridges and the boards' interfaces."""
        namespace = Namespace(self.namespace.name)
        try:
            # Boards speak IPv4 alone; the kernel's own IPv6 chatter would be noise on the wire.
            namespace.run(["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"])
            namespace.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])
            bridge(namespace, CORE, [])
            for bank in self.banks:
                self._add_bank(namespace, bank)
        except BaseException:
            self.down()
            raise

    def _add_bank(self, namespace: Namespace, bank: int) -> None:
        veth(f"up{bank}", namespace, f"down{bank}", namespace)
        veth(f"port{bank}", namespace, self.bank_interface(bank), namespace)
        bridge(namespace, f"bank{bank}", [f"up{bank}", f"port{bank}"])
        attach(namespace, f"down{bank}", CORE)
        # The boards' addresses are not the kernel's: it must not answer ARP for its own.
        namespace.run(["ip", "link", "set", self.bank_interface(bank), "arp", "off"])

    def down(self) -> None:
        """Remove the namespace and what runs in it, whoever made it; twice is fine."""
        Namespace.adopt(self.namespace.name).delete()

    def plug(self, interface: str, other: Namespace, bank: int | None = None) -> None:
        """Give another namespace an interface on the core bridge, or on a bank's switch."""
        port = f"p{unique('')[1:]}"
        veth(port, self.namespace, interface, other)
        attach(self.namespace, port, CORE if bank is None else f"bank{bank}")

    @contextmanager
    def client(self, cidr: str | None = None, bank: int | None = None) -> Iterator[Namespace]:
        """A namespace with ``eth0`` on the core bridge or a bank's switch, for the block.

        Args:
            cidr: address of ``eth0`` such as ``172.20.11.1/16``, or ``None`` for none.
            bank: the bank on whose switch it is; ``None`` is the core.
        """
        with Namespace(unique(f"picluster-{self.name}-client")) as namespace:
            namespace.run(["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"])
            self.plug("eth0", namespace, bank)
            if cidr is not None:
                namespace.address("eth0", cidr)
            yield namespace

    def __enter__(self) -> Self:
        self._lock = hold(f"{self.name}-rack")
        try:
            self.down()
            self.up()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()
        if self._lock is not None:
            self._lock.close()

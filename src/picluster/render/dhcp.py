"""What the DHCP server of a boot server shall know, free of any server's syntax."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from picluster.cluster.model import Server
from picluster.net import dotted
from picluster.plan.model import AddressPlan

#: Option 60 of every answer: the ROM takes only a PXE server's.
VENDOR_CLASS = "PXEClient"
#: Menu text of option 43 the ROM looks for; the 3B wants the three blanks.
BOOT_MENU = "Raspberry Pi Boot   "


def pxe_options() -> bytes:
    """Option 43: PXE suboptions 6 (discovery control), 10 (prompt) and 9 (boot menu), and the end.

    Source: PXE 2.1 section 2.2, and captures of servers a 3B boots from.
    """
    menu = bytes([0, 0, len(BOOT_MENU)]) + BOOT_MENU.encode("ascii")
    prompt = bytes([0]) + b"PXE"
    return b"".join(
        bytes([code, len(value)]) + value for code, value in ((6, b"\x03"), (10, prompt), (9, menu))
    ) + bytes([255])


@dataclass(frozen=True, slots=True)
class Reservation:
    """A host reservation: name, canonical MAC address, dotted quad."""

    name: str
    mac: str
    address: str


@dataclass(frozen=True, slots=True)
class BankReservations:
    """The reservations of one bank, and the server its boards load from (dotted quad)."""

    bank: int
    next_server: str
    hosts: tuple[Reservation, ...]


@dataclass(frozen=True, slots=True)
class DhcpConfig:
    """The whole of one DHCP server's configuration.

    Attributes:
        server: the boot server it is for.
        cluster: name of the cluster.
        subnet, netmask, broadcast: dotted quads of the boot network.
        router, dns_servers, ntp_server: what the nodes are told; ``router`` may be empty.
        lease_time_s: lease time, seconds.
        banks: reservations by bank; there is no pool.
    """

    server: Server
    cluster: str
    domain_name: str
    subnet: str
    netmask: str
    broadcast: str
    router: str
    dns_servers: tuple[str, ...]
    ntp_server: str
    lease_time_s: int
    banks: tuple[BankReservations, ...]


def dhcp_config(plan: AddressPlan, server: Server) -> DhcpConfig:
    """Everything one boot server's DHCP server has to say."""
    cluster = plan.cluster
    return DhcpConfig(
        server=server,
        cluster=cluster.name,
        domain_name=cluster.domain_name,
        subnet=dotted(cluster.network.first),
        netmask=cluster.network.netmask,
        broadcast=dotted(cluster.network.last),
        router="" if cluster.router is None else dotted(cluster.router),
        dns_servers=tuple(dotted(address) for address in cluster.dns_servers),
        ntp_server=dotted(server.address),
        lease_time_s=cluster.lease_time_s,
        banks=tuple(_banks(plan, server)),
    )


def _banks(plan: AddressPlan, server: Server) -> Iterator[BankReservations]:
    nodes = plan.booted_by(server.name)
    for number, group in groupby(nodes, key=lambda node: node.bank.number):
        hosts = tuple(Reservation(node.name, node.mac, node.address) for node in group)
        yield BankReservations(number, dotted(server.address), hosts)

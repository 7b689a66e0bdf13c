"""The cluster description as data. Built by :func:`picluster.cluster.load.load_cluster`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from picluster.cluster.ports import same_port
from picluster.errors import refusal
from picluster.mac import RASPBERRY_PI_OUIS, MacAddress, oui
from picluster.net import Ipv4Block


@dataclass(frozen=True, slots=True)
class Server:
    """A server that boots nodes: the head, or another boot server.

    Attributes:
        name: host name in the inventory.
        address: its address on the boot network, as an integer.
        boot_interface: the only interface DHCP is served on.
    """

    name: str
    address: int
    boot_interface: str


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch.

    Attributes:
        uplinks: ports that lead to other switches.
        device_type: netmiko's name of its kind.
        snmp_contexts: VLANs its SNMP agent has to be asked for one by one.
        controller: UniFi controller that manages it.
    """

    name: str
    address: int | None = None
    mac: MacAddress | None = None
    uplinks: tuple[str, ...] = ()
    device_type: str = "ubiquiti_unifiswitch"
    username: str | None = None
    ssh_port: int = 22
    snmp_port: int = 161
    snmp_contexts: tuple[int, ...] = ()
    controller: str | None = None

    def is_uplink(self, port: str) -> bool:
        """Whether a port, in any vendor's notation, is one of the uplinks."""
        return any(same_port(port, uplink) for uplink in self.uplinks)


@dataclass(frozen=True, slots=True)
class Controller:
    """A UniFi controller.

    Attributes:
        url: ``https://host[:port]``.
        site: short name of the site.
        ca_file: PEM file that vouches for it; ``None`` takes the system's.
    """

    name: str
    url: str
    site: str = "default"
    username: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Pdu:
    """A power distribution unit."""

    name: str
    address: int | None = None
    driver: str = "manual"
    outlets: int | None = None


@dataclass(frozen=True, slots=True)
class Bank:
    """The boards that share one switch and one outlet.

    Attributes:
        number: names the bank and, in a /16, is the third octet of its addresses.
        block: its addresses; slot S has ``block.first + S``.
        size: slots, 1 to ``size``.
        ports: switch port of each slot, or empty where the registry holds the wiring.
        image: image version its nodes boot.
    """

    number: int
    block: Ipv4Block
    size: int
    boot_server: str
    image: str
    title: str = ""
    rack: int | None = None
    side: str | None = None
    domain: str | None = None
    switch: str | None = None
    ports: tuple[str, ...] = ()
    pdu: str | None = None
    outlet: int | None = None

    def address(self, slot: int) -> int:
        """Address of a slot, as an integer."""
        return self.block.first + slot

    def slot_at(self, address: int) -> int | None:
        """The slot an address belongs to, or ``None``."""
        slot = address - self.block.first
        return slot if 1 <= slot <= self.size else None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Everything one head node serves (see the schema for each value's meaning).

    Attributes:
        path: the description's file.
        banks: by ascending number.
        lines: 1-based line of each bank in the file, by number; of ``head``, ``dhcp`` and
            ``<list> <name>`` of boot servers, switches and PDUs.
    """

    path: Path
    name: str
    network: Ipv4Block
    head: Server
    banks: tuple[Bank, ...]
    domain_name: str
    registry: Path
    title: str = ""
    bank_rows: int = 1
    extra_ouis: frozenset[str] = frozenset()
    boot_servers: tuple[Server, ...] = ()
    switches: tuple[Switch, ...] = ()
    controllers: tuple[Controller, ...] = ()
    pdus: tuple[Pdu, ...] = ()
    racks: tuple[int, ...] = ()
    lease_time_s: int = 86400
    router: int | None = None
    dns_servers: tuple[int, ...] = ()
    tftp_root: str = "/srv/picluster/tftp"
    export_root: str = "/srv/picluster/export"
    ssh_user: str = "root"
    host_authorities: tuple[str, ...] = ()
    lines: dict[int | str, int] = field(default_factory=dict, compare=False)

    @property
    def servers(self) -> tuple[Server, ...]:
        """The head and the other boot servers."""
        return (self.head, *self.boot_servers)

    def bank(self, number: int) -> Bank:
        """The bank of that number.

        Raises:
            PiclusterError: it is not described.
        """
        for bank in self.banks:
            if bank.number == number:
                return bank
        known = ", ".join(str(bank.number) for bank in self.banks)
        raise refusal(f"no bank {number}", f"described are: {known}", file=self.path)

    def is_board(self, mac: MacAddress) -> bool:
        """Whether the OUI is one a board of this cluster may have."""
        return oui(mac) in RASPBERRY_PI_OUIS or oui(mac) in self.extra_ouis

    def row(self, bank: Bank, slot: int) -> int:
        """Row of boards a slot is in, from 1."""
        return (slot - 1) * self.bank_rows // bank.size + 1

    def slot_at(self, address: int) -> tuple[Bank, int] | None:
        """The bank and slot an address belongs to, or ``None``."""
        for bank in self.banks:
            slot = bank.slot_at(address)
            if slot is not None:
                return bank, slot
        return None

"""The cluster description as data. Built by :func:`picluster.cluster.load.load_cluster`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from picluster.cluster.ports import same_port
from picluster.errors import refusal
from picluster.mac import RASPBERRY_PI_OUIS, MacAddress, oui
from picluster.net import Ipv4Block

#: Pointers to image versions on a boot server that banks follow by default.
CURRENT, CANARY = "current", "canary"


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
    """A power distribution unit, or a switch that feeds its boards (see the schema).

    Attributes:
        commands: of driver ``command``: action → program with arguments.
    """

    name: str
    address: int | None = None
    driver: str = "manual"
    outlets: int | None = None
    protocol: str = "telnet"
    port: int | None = None
    username: str | None = None
    timeout_s: float | None = None
    snmp_version: str | None = None
    snmp_table: str = "auto"
    controller: str | None = None
    switch: str | None = None
    plug: str = "{pdu}-{outlet}"
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Feed:
    """One thing a supply feeds.

    Attributes:
        name: ``bank_11``, or the name of a server, switch or PDU.
        bank: number of the bank, of a bank only.
        slots: the slots of the bank, ascending; empty for all of them.
    """

    name: str
    bank: int | None = None
    slots: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SupplyEntry:
    """What hangs on one outlet, as described.

    Attributes:
        watts: what it draws; ``None`` for what its boards draw.
    """

    name: str
    pdu: str
    outlet: int
    feeds: tuple[Feed, ...]
    watts: float | None = None


@dataclass(frozen=True, slots=True)
class CircuitEntry:
    """A circuit, as described.

    Attributes:
        outlets: PDU and outlet; ``None`` for every outlet of the PDU.
    """

    name: str
    amperes: float
    volts: float
    outlets: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class OrderEntry:
    """One rule of the power order, as described; groups of banks are spelled out."""

    first: tuple[str, ...]
    then: tuple[str, ...]
    wait_s: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class PowerEntry:
    """What may be on at a time, and how fast (see the schema)."""

    max_banks_on: int | None = None
    stagger_s: float = 5.0
    off_s: float = 10.0
    switch_wait_s: float = 90.0
    server_wait_s: float = 180.0
    board_watts: float = 6.0
    volts: float = 230.0


@dataclass(frozen=True, slots=True)
class Bank:
    """The boards that share one switch and one outlet.

    Attributes:
        number: names the bank and, in a /16, is the third octet of its addresses.
        block: its addresses; slot S has ``block.first + S``.
        size: slots, 1 to ``size``.
        ports: switch port of each slot, or empty where the registry holds the wiring.
        image: what its nodes boot: an image version, or the name of a pointer to one.
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
        canary_bank: number of the bank that tries a new image first.
        lines: 1-based line of each bank in the file, by number; of ``head``, ``dhcp`` and
            ``<list> <name>`` of boot servers, switches, PDUs, supplies and circuits;
            ``power_order <index>`` of rules.
    """

    path: Path
    name: str
    network: Ipv4Block
    head: Server
    banks: tuple[Bank, ...]
    domain_name: str
    registry: Path
    canary_bank: int
    title: str = ""
    bank_rows: int = 1
    extra_ouis: frozenset[str] = frozenset()
    boot_servers: tuple[Server, ...] = ()
    switches: tuple[Switch, ...] = ()
    controllers: tuple[Controller, ...] = ()
    pdus: tuple[Pdu, ...] = ()
    supplies: tuple[SupplyEntry, ...] = ()
    circuits: tuple[CircuitEntry, ...] = ()
    power: PowerEntry = PowerEntry()
    power_order: tuple[OrderEntry, ...] = ()
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

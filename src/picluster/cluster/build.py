"""Turn a checked YAML document into a :class:`Cluster`, checking what a schema cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from picluster.cluster.model import CANARY, CURRENT, Bank, Cluster, Controller, Pdu, Server, Switch
from picluster.cluster.ports import expand_ports
from picluster.cluster.power import PowerReader, check_pdu
from picluster.cluster.yaml_file import Path_, YamlFile
from picluster.errors import PiclusterError, Problem
from picluster.mac import parse_mac
from picluster.net import Ipv4Block, parse_address, parse_block

T = TypeVar("T")

_NODE_NAME = re.compile(r"pi-[0-9]+-[0-9]+", re.ASCII)

_REFUSED = {
    "pool": "the boot ROM never confirms an offer, so a pool gives two boards one address",
    "always_broadcast": "with a constant transaction id a board may take another one's offer",
}


class Builder:
    """Builds one cluster; collects every problem before it refuses."""

    def __init__(self, document: YamlFile, path: Path) -> None:
        self._document = document
        self._data: dict[str, Any] = document.data
        self._path = path
        self._problems: list[Problem] = []
        lowest = min(bank["number"] for bank in self._data["banks"])
        self._canary_bank: int = self._data.get("canary_bank", lowest)

    def cluster(self) -> Cluster:
        """Build it.

        Raises:
            PiclusterError: with every problem found.
        """
        data = self._data
        self._refuse_dangerous()
        network = self._read(("network",), parse_block, data["network"], Ipv4Block(0, 32))
        head = self._server(("head",), data["head"])
        servers = tuple(
            self._server(("boot_servers", i), entry)
            for i, entry in enumerate(data.get("boot_servers", ()))
        )
        switches = self._switches()
        pdus = self._pdus()
        self._server_names([head, *servers])
        racks = [rack["number"] for rack in data.get("racks", ())]
        self._unique("racks", racks)
        banks = self._banks(network, head, servers)
        self._check_canary()
        power = self._power(pdus, banks, [head, *servers])
        boot, dhcp, ssh = data.get("boot", {}), data.get("dhcp", {}), data.get("ssh", {})
        self._stop()
        return Cluster(
            path=self._path,
            name=data["name"],
            title=data.get("title", ""),
            network=network,
            head=head,
            boot_servers=servers,
            switches=switches,
            controllers=tuple(self._controller(entry) for entry in data.get("controllers", ())),
            pdus=pdus,
            racks=tuple(racks),
            **power,
            banks=banks,
            canary_bank=self._canary_bank,
            domain_name=data.get("domain_name", f"{data['name']}.internal"),
            registry=self._path.parent / data.get("registry", "macs.csv"),
            bank_rows=data.get("bank_rows", 1),
            extra_ouis=frozenset(data.get("boards", {}).get("extra_ouis", ())),
            lease_time_s=dhcp.get("lease_time_s", 86400),
            router=self._optional_address(("dhcp", "router"), dhcp.get("router")),
            dns_servers=tuple(
                self._read(("dhcp", "dns_servers", i), parse_address, text, 0)
                for i, text in enumerate(dhcp.get("dns_servers", ()))
            ),
            tftp_root=boot.get("tftp_root", "/srv/picluster/tftp"),
            export_root=boot.get("export_root", "/srv/picluster/export"),
            ssh_user=ssh.get("user", "root"),
            host_authorities=tuple(ssh.get("host_authorities", ())),
            lines=self._lines(),
        )

    def _stop(self) -> None:
        if self._problems:
            raise PiclusterError(self._problems)

    def _say(self, path: Path_, what: str, remedy: str = "") -> None:
        self._problems.append(self._document.problem(path, what, remedy))

    def _read(self, path: Path_, read: Callable[[str], T], text: str, instead: T) -> T:
        try:
            return read(text)
        except ValueError as error:
            self._say(path, str(error))
            return instead

    def _optional_address(self, path: Path_, text: str | None) -> int | None:
        return None if text is None else self._read(path, parse_address, text, 0)

    def _refuse_dangerous(self) -> None:
        for key, why in _REFUSED.items():
            if key in self._data.get("dhcp", {}):
                self._say(("dhcp", key), f"dhcp.{key} is always refused: {why}", "remove the key")

    def _unique(self, key: str, names: Iterable[object], offset: int = 0) -> None:
        seen = set[object]()
        for i, name in enumerate(names):
            if name in seen:
                self._say((key, i - offset), f"{key}: {name} is described twice", "rename one")
            seen.add(name)

    def _server_names(self, servers: list[Server]) -> None:
        """Every server is a host and its own group in the inventory, and no node."""
        self._unique("boot_servers", [server.name for server in servers], 1)
        groups: dict[str, str] = {}
        for i, server in enumerate(servers):
            path: Path_ = ("boot_servers", i - 1, "name") if i else ("head", "name")
            if _NODE_NAME.fullmatch(server.name):
                self._say(path, f"server {server.name} has a node's name", "rename it")
            other = groups.setdefault(re.sub("[^a-z0-9_]", "_", server.name), server.name)
            if other != server.name:
                what = f"servers {other} and {server.name} would share an inventory group"
                self._say(path, what, "rename one")

    def _server(self, path: Path_, data: dict[str, Any]) -> Server:
        address = self._read((*path, "address"), parse_address, data["address"], 0)
        return Server(data["name"], address, data["boot_interface"])

    def _controller(self, entry: dict[str, Any]) -> Controller:
        file = entry.get("ca_file")
        return Controller(**{**entry, "ca_file": file and self._path.parent / file})

    def _switches(self) -> tuple[Switch, ...]:
        switches = []
        for i, entry in enumerate(self._data.get("switches", ())):
            path = ("switches", i)
            fields = dict(entry)
            fields["address"] = self._optional_address((*path, "address"), entry.get("address"))
            if "mac" in entry:
                fields["mac"] = self._read((*path, "mac"), parse_mac, entry["mac"], None)
            fields["uplinks"] = tuple(str(port) for port in entry.get("uplinks", ()))
            fields["snmp_contexts"] = tuple(entry.get("snmp_contexts", ()))
            switches.append(Switch(**fields))
        self._unique("switches", [switch.name for switch in switches])
        self._unique("switches", [switch.mac or (i,) for i, switch in enumerate(switches)])
        controllers = [entry["name"] for entry in self._data.get("controllers", ())]
        self._unique("controllers", controllers)
        for i, switch in enumerate(switches):
            self._known(("switches", i, "controller"), switch.controller, controllers)
        return tuple(switches)

    def _pdus(self) -> tuple[Pdu, ...]:
        pdus = []
        for i, entry in enumerate(self._data.get("pdus", ())):
            path: Path_ = ("pdus", i)
            address = self._optional_address((*path, "address"), entry.get("address"))
            commands = {key: tuple(argv) for key, argv in entry.get("commands", {}).items()}
            pdu = Pdu(**{**entry, "address": address, "commands": commands})
            check_pdu(path, pdu, self._say)
            self._known((*path, "controller"), pdu.controller, self._names("controllers"))
            self._known((*path, "switch"), pdu.switch, self._names("switches"))
            pdus.append(pdu)
        self._unique("pdus", [pdu.name for pdu in pdus])
        return tuple(pdus)

    def _names(self, key: str) -> list[str]:
        return [entry["name"] for entry in self._data.get(key, ())]

    def _power(
        self, pdus: tuple[Pdu, ...], banks: tuple[Bank, ...], servers: list[Server]
    ) -> dict[str, Any]:
        """The power part, as keyword arguments of :class:`Cluster`."""
        for key in ("supplies", "circuits"):
            self._unique(key, self._names(key))
        others = [*(server.name for server in servers), *self._names("switches")]
        reader = PowerReader(self._data, self._say, pdus, banks, others)
        return {
            "supplies": reader.supplies(),
            "circuits": reader.circuits(),
            "power": reader.limits(),
            "power_order": reader.order(),
        }

    def _known(self, path: Path_, name: object, names: Iterable[object]) -> None:
        known = list(names)
        if name is not None and name not in known:
            listed = ", ".join(map(str, known)) or "none"
            self._say(path, f"{path[-1]} {name} is not described", f"described are: {listed}")

    def _banks(
        self, network: Ipv4Block, head: Server, servers: tuple[Server, ...]
    ) -> tuple[Bank, ...]:
        sides = {rack["number"]: rack.get("side") for rack in self._data.get("racks", ())}
        server_names = [server.name for server in (head, *servers)]
        switches = [entry["name"] for entry in self._data.get("switches", ())]
        pdus = {entry["name"]: entry.get("outlets") for entry in self._data.get("pdus", ())}
        banks = []
        for i, entry in enumerate(self._data["banks"]):
            path: Path_ = ("banks", i)
            self._known((*path, "rack"), entry.get("rack"), sides)
            self._known((*path, "switch"), entry.get("switch"), switches)
            self._known((*path, "pdu"), entry.get("pdu"), pdus)
            self._known((*path, "boot_server"), entry.get("boot_server"), server_names)
            self._check_outlet(path, entry, pdus)
            banks.append(self._bank(path, entry, network, head, sides))
        self._unique("banks", [bank.number for bank in banks])
        return tuple(sorted(banks, key=lambda bank: bank.number))

    def _check_canary(self) -> None:
        """A canary bank that is asked for must be there, and must try what is new."""
        number = self._data.get("canary_bank")
        named = {entry["number"]: entry.get("image") for entry in self._data["banks"]}
        self._known(("canary_bank",), number, named)
        image = named.get(number)
        if image not in (None, CANARY):
            what = f"canary_bank {number} names image {image} itself"
            self._say(("canary_bank",), what, "choose another bank or leave out its image")

    def _default_image(self, bank: int) -> str:
        image: str = self._data.get("image", CURRENT)
        return CANARY if bank == self._canary_bank else image

    def _check_outlet(
        self, path: Path_, entry: dict[str, Any], pdus: dict[str, int | None]
    ) -> None:
        outlets = pdus.get(entry.get("pdu", ""))
        if outlets is not None and entry.get("outlet", 1) > outlets:
            what = f"outlet {entry['outlet']} of {entry['pdu']}, which has {outlets}"
            self._say((*path, "outlet"), what, "name one it has")

    def _bank(
        self,
        path: Path_,
        entry: dict[str, Any],
        network: Ipv4Block,
        head: Server,
        sides: dict[int, str | None],
    ) -> Bank:
        size = entry.get("size", self._data.get("bank_size", 42))
        ports = tuple[str, ...]()
        if "ports" in entry:
            ports = self._read((*path, "ports"), expand_ports, entry["ports"], ())
            if "switch" not in entry:
                what = f"bank {entry['number']} has ports and no switch"
                self._say((*path, "ports"), what, "name the switch they are of")
            if ports and len(ports) != size:
                what = f"bank {entry['number']} has {size} slots and {len(ports)} ports"
                self._say((*path, "ports"), what, "name one port for each slot")
        domain = entry.get("domain")
        return Bank(
            number=entry["number"],
            block=self._block(path, entry, network),
            size=size,
            boot_server=entry.get("boot_server", head.name),
            image=entry.get("image", self._default_image(entry["number"])),
            title=entry.get("title", ""),
            rack=entry.get("rack"),
            side=entry.get("side", sides.get(entry.get("rack", -1))),
            domain=None if domain is None else str(domain),
            switch=entry.get("switch"),
            ports=ports,
            pdu=entry.get("pdu"),
            outlet=entry.get("outlet"),
        )

    def _block(self, path: Path_, entry: dict[str, Any], network: Ipv4Block) -> Ipv4Block:
        if "network" in entry:
            return self._read((*path, "network"), parse_block, entry["network"], network)
        stride = self._data.get("bank_stride", 256)
        if stride & (stride - 1):
            self._say(("bank_stride",), f"bank_stride is {stride}", "take a power of two")
        prefix = 32 - (stride - 1).bit_length()
        first = network.first + entry["number"] * stride
        if first + stride > 1 << 32:
            what = f"bank {entry['number']} lies beyond the last IPv4 address"
            self._say((*path, "number"), what, "take a lower number or a smaller bank_stride")
            return network
        return Ipv4Block(first, prefix)

    def _lines(self) -> dict[int | str, int]:
        line, data = self._document.line, self._data
        lines: dict[int | str, int] = {"head": line(("head",)), "dhcp": line(("dhcp",))}
        for i, entry in enumerate(data["banks"]):
            lines[entry["number"]] = line(("banks", i))
        for kind in ("boot_servers", "switches", "pdus", "supplies", "circuits"):
            for i, entry in enumerate(data.get(kind, ())):
                lines[f"{kind} {entry['name']}"] = line((kind, i))
        for i in range(len(data.get("power_order", ()))):
            lines[f"power_order {i}"] = line(("power_order", i))
        return lines

"""The switches of a live twin: what their bridges learned, shown by SSH and by a controller."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from picluster.cluster.ports import front_number
from twin.cluster.passwords import (
    CONTROLLER_PASSWORD,
    CONTROLLER_USER,
    SWITCH_PASSWORD,
    SWITCH_USER,
)
from twin.cluster.wire import loopback
from twin.devices.fdb import FdbEntry
from twin.devices.switch_ssh import Shell, SwitchSsh
from twin.devices.unifi_controller import UnifiController
from twin.devices.unifi_switch import UnifiSwitch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from picluster.cluster.model import Cluster, Switch
    from picluster.plan.model import AddressPlan
    from twin.devices.outlets import Outlets
    from twin.rack import Rack

#: The command line of a switch by its netmiko device type; UniFi's unless it is here.
_SHELLS = {"linux": Shell.LINUX, "cisco_ios": Shell.IOS, "cisco_xe": Shell.IOS}
_LIFE_S = 7 * 86400.0
_PORTS_MIN = 8


class Switches:
    """The switches of a plan that carry banks; a context manager.

    Args:
        plan: the plan: what is plugged in where.
        rack: its bridges, up.
        poe: outlets that are ports of a switch, by its name.
        folder: gets the controllers' certificates.

    Attributes:
        devices: by name of the switch.
        controllers: by name.
    """

    def __init__(
        self, plan: AddressPlan, rack: Rack, poe: Mapping[str, Outlets], folder: Path
    ) -> None:
        self._plan = plan
        self._rack = rack
        self._poe = poe
        self._folder = folder
        self._stack = ExitStack()
        self._ports = {str(node.mac): _number(node.port) or node.slot for node in plan.nodes}
        self._banks: defaultdict[str, list[int]] = defaultdict(list)
        for bank in plan.cluster.banks:
            if bank.switch is not None:
                self._banks[bank.switch].append(bank.number)
        switches = [switch for switch in plan.cluster.switches if switch.name in self._banks]
        self.devices = {switch.name: self._by_ssh(switch) for switch in switches}
        self.controllers = self._controllers(plan.cluster, switches)

    def fdb(self, switch: Switch) -> Iterator[FdbEntry]:
        """What a switch's bridges have learned: its boards at their ports, others at the uplink."""
        uplinks = _numbers(switch.uplinks)
        for bank in self._banks[switch.name]:
            for mac, interface in self._learned(bank):
                by_uplink = interface == f"up{bank}"
                port = next(iter(uplinks), None) if by_uplink else self._ports.get(mac)
                if port is not None:
                    yield FdbEntry(mac, port)

    def _learned(self, bank: int) -> Iterator[tuple[str, str]]:
        words = ["bridge", "-json", "fdb", "show", "br", f"bank{bank}"]
        for entry in json.loads(self._rack.namespace.run(words) or "[]"):
            if entry.get("state") != "permanent" and entry.get("master") == f"bank{bank}":
                yield entry["mac"], entry["ifname"]

    def _by_ssh(self, switch: Switch) -> SwitchSsh:
        return SwitchSsh(
            lambda: self.fdb(switch),
            shell=_SHELLS.get(switch.device_type, Shell.UNIFI),
            username=switch.username or SWITCH_USER,
            password=SWITCH_PASSWORD,
            uplinks=_numbers(switch.uplinks),
            address=loopback(switch.address),
            lifetime_s=_LIFE_S,
        )

    def _controllers(self, cluster: Cluster, switches: list[Switch]) -> dict[str, UnifiController]:
        found = {}
        for controller in cluster.controllers:
            only = len(cluster.controllers) == 1
            of = [one for one in switches if one.controller == controller.name or only]
            found[controller.name] = UnifiController(
                [self._adopted(switch) for switch in of if switch.mac is not None],
                username=controller.username or CONTROLLER_USER,
                password=CONTROLLER_PASSWORD,
                certificate_days=7,
                site=controller.site,
                lifetime_s=_LIFE_S,
            )
        return found

    def _adopted(self, switch: Switch) -> UnifiSwitch:
        uplinks = _numbers(switch.uplinks)
        return UnifiSwitch(
            lambda: self.fdb(switch),
            name=switch.name,
            mac=str(switch.mac),
            uplinks=uplinks,
            ports=max([_PORTS_MIN, *uplinks, *self._ports.values()]),
            outlets=self._poe.get(switch.name),
            cycle_s=5.0,
        )

    @property
    def overrides(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What the description has to say of them instead, by list and name."""
        users = {switch.name: switch.username for switch in self._plan.cluster.switches}
        switches = {
            name: {
                "address": device.address,
                "ssh_port": device.port,
                "username": users[name] or SWITCH_USER,
            }
            for name, device in self.devices.items()
        }
        controllers = {
            name: {"url": device.url, "ca_file": str(self._ca_file(name))}
            for name, device in self.controllers.items()
        }
        return {"switches": switches, "controllers": controllers}

    def _ca_file(self, name: str) -> Path:
        return self._folder / f"controller-{name}.pem"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for device in (*self.devices.values(), *self.controllers.values()):
                stack.enter_context(device)
            for name, controller in self.controllers.items():
                self._ca_file(name).write_text(controller.certificate)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _numbers(ports: Iterable[str]) -> tuple[int, ...]:
    return tuple(number for port in ports if (number := _number(port)) is not None)


def _number(port: str | None) -> int | None:
    """A port's number as its front panel counts."""
    number = front_number(port) if port else None
    return int(number) if number is not None else None

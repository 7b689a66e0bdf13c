"""One switch, or one PDU with relays, as a UniFi controller shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from twin.devices.fdb import Fdb
from twin.devices.outlets import Outlets


@dataclass(slots=True)
class UnifiSwitch:
    """A device a controller has adopted.

    Attributes:
        fdb: gives its wired clients.
        name: its name.
        mac: its MAC address, canonical form.
        uplinks: its uplink ports.
        ports: number of its ports.
        outlets: ports that feed by PoE, or outlets of a PDU; none unless given. Their ``delay_s``
            is the time the device takes to be provisioned.
        relays: it is a PDU with relays, no switch.
        cycle_s: seconds a power cycle of a port keeps it off.
        ignores: it takes settings and does nothing.
        cycled: ports of every power cycle asked for.
        overrides: port and outlet settings as last put, by the device's key for them.
    """

    fdb: Fdb
    name: str = "sw-11"
    mac: str = "74:ac:b9:00:00:0b"
    uplinks: tuple[int, ...] = ()
    ports: int = 48
    outlets: Outlets | None = None
    relays: bool = False
    cycle_s: float = 0.3
    ignores: bool = False
    cycled: list[int] = field(default_factory=list)
    overrides: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Keep off by settings what begins off."""
        off = [n for n, on in self.outlets.states.items() if not on] if self.outlets else []
        ports = [{"port_idx": n, "poe_mode": "off"} for n in off if not self.relays]
        switched = [{"index": n, "name": "", "relay_state": False} for n in off if self.relays]
        self.overrides = {"port_overrides": ports, "outlet_overrides": switched}

    @property
    def device_id(self) -> str:
        """What the controller calls it in addresses: 24 hex digits."""
        return "5b8457a9e4b0" + self.mac.replace(":", "")

    def device(self, address: str) -> dict[str, Any]:
        """Its entry in ``stat/device``."""
        return {
            "_id": self.device_id,
            "adopted": True,
            "ethernet_table": [{"mac": self.mac, "name": "eth0", "num_port": self.ports}],
            "ip": address,
            "mac": self.mac,
            "model": "US48",
            "name": self.name,
            "port_table": [self._port(port) for port in range(1, self.ports + 1)],
            "state": 1,
            "type": "usw",
            **self.overrides,
            **self._outlet_table(),
        }

    def clients(self) -> list[dict[str, Any]]:
        """Its entries in ``stat/sta``."""
        return [
            {
                "hostname": entry.hostname,
                "ip": entry.address,
                "is_wired": True,
                "mac": entry.mac,
                "sw_mac": self.mac,
                "sw_port": entry.port,
                "vlan": entry.vlan,
            }
            for entry in self.fdb()
        ]

    def cycle(self, port: int) -> None:
        """Cut a port's power for a moment.

        Raises:
            ValueError: it has no such port.
        """
        if not 1 <= port <= self.ports:
            raise ValueError(port)
        self.cycled.append(port)
        if self.outlets is not None and port in self.outlets and not self.ignores:
            self.outlets.reboot(port, self.cycle_s)

    def configure(self, given: dict[str, Any]) -> None:
        """Take a whole list of settings: what is not in it is as the profile says, on."""
        for key in self.overrides:
            if key in given:
                entries = list(given[key])
                self._apply({_number(key, entry): _is_on(key, entry) for entry in entries})
                self.overrides[key] = entries

    def _apply(self, states: dict[int, bool]) -> None:
        if self.outlets is None or self.ignores:
            return
        for number in self.outlets.states:
            self.outlets.set(number, states.get(number, True))

    def _port(self, port: int) -> dict[str, Any]:
        return {
            "port_idx": port,
            "name": f"Port {port}",
            "is_uplink": port in self.uplinks,
            "up": True,
            "portconf_id": "5b8457a9e4b01dd29e9f15a1",
            **self._poe(port),
        }

    def _poe(self, port: int) -> dict[str, Any]:
        if self.outlets is None or self.relays or port not in self.outlets:
            return {"port_poe": False}
        on = self.outlets.on(port)
        return {"port_poe": True, "poe_enable": on, "poe_mode": "auto" if on else "off"}

    def _outlet_table(self) -> dict[str, Any]:
        if self.outlets is None or not self.relays:
            return {}
        rows = [
            {"index": n, "name": self.outlets.name(n), "relay_state": on, "has_relay": True}
            for n, on in self.outlets.states.items()
        ]
        return {"outlet_table": rows}


def _number(key: str, entry: dict[str, Any]) -> int:
    return int(entry["index" if key == "outlet_overrides" else "port_idx"])


def _is_on(key: str, entry: dict[str, Any]) -> bool:
    if key == "outlet_overrides":
        return entry["relay_state"] is True
    return bool(entry.get("poe_mode", "auto") != "off")

"""Which command shows the forwarding database, for each kind of switch."""

from __future__ import annotations

from dataclasses import dataclass

from picluster.errors import refusal, shown


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of switch is asked.

    Attributes:
        driver: netmiko's device type.
        fdb: command that shows MAC addresses and ports.
        ports: command that marks uplink ports in the way of ``swctrl port show``; may be empty.
    """

    driver: str
    fdb: str
    ports: str = ""


#: By the description's ``device_type``. A UniFi switch is asked in its Linux shell, where SSH
#: lands; netmiko's own driver for it goes on to a telnet session newer firmware lacks.
DIALECTS: dict[str, Dialect] = {
    "ubiquiti_unifiswitch": Dialect("linux", "swctrl mac show", "swctrl port show"),
    "ubiquiti_edgeswitch": Dialect("ubiquiti_edgeswitch", "show mac-addr-table"),
    "linux": Dialect("linux", "bridge fdb show"),
    "arista_eos": Dialect("arista_eos", "show mac address-table"),
    "aruba_aoscx": Dialect("aruba_aoscx", "show mac-address-table"),
    "aruba_procurve": Dialect("aruba_procurve", "show mac-address"),
    "cisco_ios": Dialect("cisco_ios", "show mac address-table"),
    "cisco_nxos": Dialect("cisco_nxos", "show mac address-table"),
    "cisco_s300": Dialect("cisco_s300", "show mac address-table"),
    "cisco_xe": Dialect("cisco_xe", "show mac address-table"),
    "dell_os6": Dialect("dell_os6", "show mac address-table"),
    "dell_os10": Dialect("dell_os10", "show mac address-table"),
    "dell_powerconnect": Dialect("dell_powerconnect", "show bridge address-table"),
    "extreme_exos": Dialect("extreme_exos", "show fdb"),
    "hp_comware": Dialect("hp_comware", "display mac-address"),
    "hp_procurve": Dialect("hp_procurve", "show mac-address"),
    "juniper_junos": Dialect("juniper_junos", "show ethernet-switching table"),
    "mikrotik_routeros": Dialect(
        "mikrotik_routeros", "/interface bridge host print terse without-paging"
    ),
}


def dialect_for(device_type: str, source: str) -> Dialect:
    """Find the dialect.

    Raises:
        PiclusterError: the device type is not in the table.
    """
    try:
        return DIALECTS[device_type]
    except KeyError:
        raise refusal(
            f"unknown device_type {shown(device_type)}",
            f"use one of {', '.join(DIALECTS)}, or ask the switch by snmp:",
            file=source,
        ) from None

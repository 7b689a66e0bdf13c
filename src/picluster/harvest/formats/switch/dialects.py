"""The switch CLIs whose MAC address tables are read."""

from __future__ import annotations

from picluster.harvest.formats.switch.tables import TableFormat

DIALECTS: tuple[TableFormat, ...] = (
    TableFormat(
        "cisco-ios",
        "Cisco IOS, IOS-XE and Arista EOS: show mac address-table",
        "cisco_ios.textfsm",
        {"mac": "MAC", "port": "PORT", "vlan": "VLAN", "type": "TYPE", "age": "AGE"},
        wrapped=True,
    ),
    TableFormat(
        "cisco-nxos",
        "Cisco NX-OS: show mac address-table",
        "ntc:cisco_nxos_show_mac_address-table.textfsm",
        {"mac": "MAC_ADDRESS", "port": "PORTS", "vlan": "VLAN_ID", "type": "TYPE", "age": "AGE"},
        banner=("VLAN MAC Address Type age Secure NTFY Ports",),
        indent=" ",
        phrases=(r"\bvPC Peer-Link\S*",),
    ),
    TableFormat(
        "radlan",
        "Cisco S300/SG and Dell PowerConnect: show mac/bridge address-table",
        "radlan.textfsm",
        {"mac": "MAC", "port": "PORT", "vlan": "VLAN", "type": "TYPE"},
    ),
    TableFormat(
        "broadcom-fastpath",
        "Broadcom ICOS/FASTPATH, Ubiquiti EdgeSwitch, Netgear M: show mac-addr-table",
        "ntc:broadcom_icos_show_mac-addr-table.textfsm",
        {"mac": "MAC_ADDRESS", "port": "INTERFACE", "vlan": "VLAN_ID", "type": "STATUS"},
        banner=("VLAN ID  MAC Address  Interface  IfIndex  Status",),
        phrases=(r"(?i)\b(?:lag|ch|trunk|port-channel|vlan) \d+\b", r"(?i)\bCPU Interface: *\S+"),
    ),
    TableFormat(
        "aruba-aoscx",
        "HPE Aruba AOS-CX: show mac-address-table",
        "ntc:aruba_aoscx_show_mac-address-table.textfsm",
        {"mac": "MAC_ADDRESS", "port": "PORT", "vlan": "VLAN_ID", "type": "TYPE"},
        banner=("MAC Address  VLAN  Type  Port",),
    ),
    TableFormat(
        "hp-procurve",
        "HP ProCurve and ArubaOS-S: show mac-address",
        "ntc:hp_procurve_show_mac-address.textfsm",
        {"mac": "MAC_ADDRESS", "port": "PORT", "vlan": "VLAN_ID"},
        banner=("---",),
        indent=" ",
    ),
    TableFormat(
        "hp-comware",
        "HPE Comware and H3C: display mac-address",
        "ntc:hp_comware_display_mac-address.textfsm",
        {"mac": "MAC_ADDRESS", "port": "INTERFACE", "vlan": "VLAN_ID", "type": "STATE"},
    ),
    TableFormat(
        "huawei-vrp",
        "Huawei VRP: display mac-address",
        "ntc:huawei_vrp_display_mac-address.textfsm",
        {
            "mac": "DESTINATION_ADDRESS",
            "port": "DESTINATION_PORT",
            "vlan": "VLAN_ID",
            "type": "TYPE",
        },
    ),
    TableFormat(
        "extreme-exos",
        "Extreme EXOS: show fdb",
        "ntc:extreme_exos_show_fdb.textfsm",
        {"mac": "MAC_ADDRESS", "port": "INTERFACE", "vlan": "VLAN_ID"},
        banner=("MAC  VLAN Name( Tag)  Age  Flags  Port / Virtual Port List",),
        # the template takes letters for flags up to the first digit
        codes={"port": {"U": "CPU"}},
    ),
    TableFormat(
        "juniper-junos",
        "Juniper Junos, ELS and older: show ethernet-switching table",
        "juniper_junos.textfsm",
        {"mac": "MAC", "port": "PORT", "vlan": "VLAN", "type": "TYPE"},
    ),
    TableFormat(
        "allied-telesis",
        "Allied Telesis AlliedWare Plus: show mac address-table",
        "ntc:allied_telesis_awplus_show_mac_address-table.textfsm",
        {"mac": "DESTINATION_ADDRESS", "port": "DESTINATION_PORT", "vlan": "VLAN_ID"},
        banner=("VLAN port",),
    ),
    TableFormat(
        "alcatel-aos",
        "Alcatel-Lucent AOS: show mac-address-table",
        "ntc:alcatel_aos_show_mac-address-table.textfsm",
        {"mac": "MAC", "port": "INTERFACE", "vlan": "VLAN_ID", "type": "TYPE"},
    ),
    TableFormat(
        "mikrotik-bridge-host",
        "MikroTik RouterOS: /interface bridge host print",
        "mikrotik.textfsm",
        {"mac": "MAC", "port": "PORT", "vlan": "VLAN", "type": "TYPE"},
        headless=True,
        codes={"type": {"L": "local", "I": "invalid", "X": "invalid"}},
    ),
    TableFormat(
        "ubnt-toughswitch",
        "Ubiquiti ToughSwitch: tswconf fdb entry show",
        "ubnt_toughswitch.textfsm",
        {"mac": "MAC", "port": "PORT"},
        headless=True,
        codes={"port": {"0": "CPU"}},
    ),
    TableFormat(
        "mac-table",
        "Any table whose header names MAC address and port: Dell OS6/OS10, Ruckus, Avaya, Zyxel, …",
    ),
)

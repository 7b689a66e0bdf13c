"""Texts a harvest of a cluster's sample registry would have read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from picluster.cluster.model import Cluster, Switch
from picluster.net import dotted
from picluster.plan.model import AddressPlan, Node

_BEGIN = datetime(2019, 9, 14, 10, 0, 0)
_HEAD_MAC = "0c:c4:7a:1e:a0:04"
_LAPTOP_MAC = "3c:07:54:5d:0a:11"
_RULER = "---- ---- ----------------- --------------- ---------------- ------ --- -------------"
_HEADER = "port vlan mac-address       ip-address      hostname         uptime age wireless-type"


def samples(plan: AddressPlan) -> dict[str, str]:
    """File names and texts: one table for each switch, a DHCP log, and beacons."""
    tables = {f"{switch.name}.txt": _mac_show(plan, switch) for switch in plan.cluster.switches}
    return {**tables, "dhcpd.log": _dhcpd_log(plan), "beacons.txt": _beacons(plan)}


def _mac_show(plan: AddressPlan, switch: Switch) -> str:
    """``swctrl mac show`` of a UniFi switch: its boards, and on the uplink everybody else."""
    own = [node for node in plan.nodes if node.switch == switch.name]
    others = [node for node in plan.nodes if node.switch != switch.name]
    uplink = switch.uplinks[0] if switch.uplinks else "0"
    head = dotted(plan.cluster.head.address)
    rows = [_row(node.port, node.mac, node.address) for node in own]
    rows += [_row(uplink, node.mac, node.address) for node in others]
    rows += [_row(uplink, _HEAD_MAC, head), _row(uplink, _LAPTOP_MAC, "", "workbench")]
    return "\n".join([_HEADER, _RULER, *rows, "", f"Total number of entries: {len(rows)}", ""])


def _row(port: str, mac: str, address: str, hostname: str = "") -> str:
    return f"{port:>4} {1:>4} {mac:<17} {address:<15} {hostname:<16} {403:>6} {12:>3}"


def _dhcpd_log(plan: AddressPlan) -> str:
    """The syslog of dhcpd while every board asks twice and the last one is still unknown."""
    return "".join(f"{line}\n" for line in _dhcpd_lines(plan.cluster, plan.nodes))


def _dhcpd_lines(cluster: Cluster, nodes: tuple[Node, ...]) -> Iterator[str]:
    interface = cluster.head.boot_interface
    for number, node in enumerate(nodes):
        stamp = (_BEGIN + timedelta(seconds=number // 4)).strftime("%b %d %H:%M:%S")
        before = f"{stamp} {cluster.head.name} dhcpd[828]:"
        octets = ":".join(f"{int(part, 16):x}" for part in node.mac.split(":"))
        serial = ":".join(f"{octet:x}" for octet in bytes.fromhex(node.serial)[::-1])
        for _ in range(2):
            yield f"{before} picluster option-97 {octets} 0:{':'.join([serial] * 4)}"
            yield f"{before} DHCPDISCOVER from {node.mac} via {interface}"
            yield f"{before} DHCPOFFER on {node.address} to {node.mac} via {interface}"


def _beacons(plan: AddressPlan) -> str:
    """What a listener on UDP port 3333 wrote down."""
    return "".join(
        f"{node.address} {hex(int(node.mac.replace(':', ''), 16))}\n" for node in plan.nodes
    )

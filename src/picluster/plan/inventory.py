"""The plan as an inventory: hosts, groups and variables, all plain data."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from picluster.cluster.model import Bank, Cluster, Server
from picluster.net import dotted
from picluster.plan.model import AddressPlan, Node
from picluster.registry.model import State

Plain = str | int
Variables = dict[str, Plain]


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host with its own variables and the groups it is in, beside ``all``."""

    name: str
    groups: tuple[str, ...]
    variables: Variables


def group_name(prefix: str, value: object) -> str:
    """``<prefix>_<value>`` with everything but letters, digits and ``_`` made ``_``."""
    return f"{prefix}_{re.sub(r'[^a-z0-9_]', '_', str(value).lower())}"


def cluster_variables(plan: AddressPlan) -> Variables:
    """Variables of every host of the cluster; the zone of a bank is the group of its domain."""
    cluster = plan.cluster
    return {
        "picluster_cluster": cluster.name,
        "picluster_description": str(cluster.path.resolve()),
        "picluster_known_hosts": str(known_hosts_path(cluster)),
        "picluster_network": str(cluster.network),
        "picluster_netmask": cluster.network.netmask,
        "picluster_prefix_length": cluster.network.prefix,
        "picluster_domain_name": cluster.domain_name,
        "picluster_node_count": len(plan.nodes),
        "picluster_tftp_root": cluster.tftp_root,
        "picluster_export_root": cluster.export_root,
        "picluster_zones": " ".join(
            f"{bank.number}={group_name('domain', bank.domain)}"
            for bank in cluster.banks
            if bank.domain is not None
        ),
    }


def bank_groups(bank: Bank) -> tuple[str, ...]:
    """The groups that every node of a bank is in."""
    groups = ["pi", group_name("bank", bank.number)]
    if bank.rack is not None:
        groups.append(group_name("rack", bank.rack))
    if bank.side is not None:
        groups.append(group_name("side", bank.side))
    if bank.domain is not None:
        groups.append(group_name("domain", bank.domain))
    groups.append(group_name("boot_server", bank.boot_server))
    return tuple(groups)


def all_groups(cluster: Cluster) -> Iterator[str]:
    """Every group there is, with or without hosts, so that ``--limit`` knows its name."""
    yield from ("head", "builder", "boot_servers", "pi", "quarantined", "spare")
    seen = dict.fromkeys(name for bank in cluster.banks for name in bank_groups(bank))
    yield from (name for name in seen if name != "pi")


def pi_variables(cluster: Cluster) -> Variables:
    """Variables of the group ``pi``."""
    return {
        "ansible_user": cluster.ssh_user,
        "ansible_ssh_common_args": ssh_arguments(known_hosts_path(cluster)),
    }


def known_hosts_path(cluster: Cluster) -> Path:
    """Where the control node keeps whose host keys it trusts: beside the description."""
    return cluster.path.resolve().parent / "known_hosts"


def ssh_arguments(known_hosts: Path) -> str:
    """Words that make ``ssh`` reject every host key that file does not vouch for.

    They are quoted for a shell, as Ansible reads them, and the path for ssh_config(5).
    """
    path = re.sub(r'([\\"])', r"\\\1", str(known_hosts)).replace("%", "%%")
    return shlex.join(["-o", f'UserKnownHostsFile="{path}"', "-o", "StrictHostKeyChecking=yes"])


def bank_variables(bank: Bank) -> Variables:
    """Variables that every node of a bank shares; what the description leaves out is ``""``."""
    values: dict[str, Plain | None] = {
        "picluster_bank": bank.number,
        "picluster_rack": bank.rack,
        "picluster_side": bank.side,
        "picluster_domain": bank.domain,
        "picluster_pdu": bank.pdu,
        "picluster_outlet": bank.outlet,
        "picluster_boot_server": bank.boot_server,
        "picluster_image": bank.image,
    }
    return {name: "" if value is None else value for name, value in values.items()}


def server_rows(plan: AddressPlan) -> Iterator[HostRow]:
    """The head and the other boot servers."""
    cluster = plan.cluster
    counts: dict[str, int] = {}
    for node in plan.nodes:
        counts[node.bank.boot_server] = counts.get(node.bank.boot_server, 0) + 1
    for server in cluster.servers:
        groups = (
            ("head", "builder", "boot_servers") if server is cluster.head else ("boot_servers",)
        )
        yield HostRow(server.name, groups, _server_variables(server, counts.get(server.name, 0)))


def _server_variables(server: Server, boot_nodes: int) -> Variables:
    return {
        "ansible_host": dotted(server.address),
        "picluster_server_name": server.name,
        "picluster_boot_address": dotted(server.address),
        "picluster_boot_interface": server.boot_interface,
        "picluster_boot_nodes": boot_nodes,
    }


def node_rows(plan: AddressPlan) -> Iterator[HostRow]:
    """Every node, with the variables that are its own."""
    groups = {bank.number: bank_groups(bank) for bank in plan.cluster.banks}
    for node in plan.nodes:
        row_groups = groups[node.bank.number]
        if node.state is not State.ACTIVE:
            row_groups = (*row_groups, node.state.value)
        yield HostRow(node.name, row_groups, _node_variables(plan.cluster, node))


def _node_variables(cluster: Cluster, node: Node) -> Variables:
    return {
        "ansible_host": node.address,
        "picluster_mac": str(node.mac),
        "picluster_serial": node.serial,
        "picluster_slot": node.slot,
        "picluster_row": cluster.row(node.bank, node.slot),
        "picluster_switch": node.switch,
        "picluster_switch_port": node.port,
    }

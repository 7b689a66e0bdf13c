"""Render a daemon's configuration: a pure function of the plan."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from picluster.cluster.model import Server
from picluster.errors import refusal
from picluster.net import dotted
from picluster.plan.model import AddressPlan
from picluster.render.dhcp import VENDOR_CLASS, dhcp_config, pxe_options
from picluster.render.known_hosts import authorities
from picluster.render.slurm import node_lines, partitions, switches

#: Where the role tftp_server puts the rules that give each board its own image.
TFTP_MAP = "/etc/picluster/tftp.map"
#: TFTP blocks fit an Ethernet frame: the boot stages do not reassemble fragments.
_TFTP_OPTIONS = f"--secure --ipv4 --verbose --blocksize 1468 --map-file {TFTP_MAP}"
_NODES_PER_THREAD = 8
_MIN_THREADS, _MAX_THREADS = 8, 128

#: First line of the nodes a boot server boots; no value holds a comma or a quote.
NODES_HEADER = "address,mac,name,image\n"


@cache
def _environment() -> Environment:
    # No HTML is made here, and every value is a validated address, name or number.
    return Environment(  # noqa: S701
        loader=PackageLoader("picluster.render"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def nfs_threads(nodes: int) -> int:
    """NFS server threads for a number of nodes: one for eight, at least 8, at most 128."""
    return max(_MIN_THREADS, min(_MAX_THREADS, nodes // _NODES_PER_THREAD))


def _dhcp_isc(plan: AddressPlan, server: Server) -> str:
    octets = ":".join(f"{octet:02x}" for octet in pxe_options())
    return _render(
        "dhcpd.conf.j2",
        config=dhcp_config(plan, server),
        vendor_class=VENDOR_CLASS,
        pxe_options=octets,
    )


def _tftpd_hpa(plan: AddressPlan, server: Server) -> str:
    return _render("tftpd_hpa.j2", **_common(plan, server), options=_TFTP_OPTIONS)


def _tftp_systemd(plan: AddressPlan, server: Server) -> str:
    return _render("tftp_systemd.j2", **_common(plan, server), options=_TFTP_OPTIONS)


def _exports_kernel(plan: AddressPlan, server: Server) -> str:
    # Without a number of its own a bind mount cannot be exported; the name makes it steady.
    fsid = uuid.uuid5(uuid.NAMESPACE_URL, f"picluster:{plan.cluster.name}")
    return _render("exports.j2", **_common(plan, server), fsid=fsid)


def _exports_ganesha(plan: AddressPlan, server: Server) -> str:
    threads = nfs_threads(len(plan.booted_by(server.name)))
    return _render("ganesha.conf.j2", **_common(plan, server), threads=threads, export_id=77)


def _known_hosts(plan: AddressPlan, server: Server) -> str:  # noqa: ARG001
    return render_known_hosts(plan, {})


def _slurm_cluster(plan: AddressPlan, server: Server) -> str:  # noqa: ARG001
    lines, parts = [*node_lines(plan)], [*partitions(plan)]
    return _render("slurm_cluster.j2", cluster=plan.cluster, lines=lines, partitions=parts)


def _slurm_topology(plan: AddressPlan, server: Server) -> str:  # noqa: ARG001
    return _render("slurm_topology.j2", cluster=plan.cluster, switches=[*switches(plan)])


def _common(plan: AddressPlan, server: Server) -> dict[str, Any]:
    return {
        "cluster": plan.cluster,
        "network": str(plan.cluster.network),
        "address": dotted(server.address),
    }


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


def _nodes_csv(plan: AddressPlan, server: Server) -> str:
    lines = [
        f"{node.address},{node.mac},{node.name},{node.bank.image}\n"
        for node in plan.booted_by(server.name)
    ]
    return "".join([NODES_HEADER, *lines])


_Renderer = Callable[[AddressPlan, Server], str]

#: Renderers by kind and variant; the first variant of a kind is its default.
KINDS: dict[str, dict[str, _Renderer]] = {
    "dhcp": {"isc": _dhcp_isc},
    "tftp": {"tftpd_hpa": _tftpd_hpa, "systemd": _tftp_systemd},
    "exports": {"kernel": _exports_kernel, "ganesha": _exports_ganesha},
    "known_hosts": {"openssh": _known_hosts},
    "nodes": {"csv": _nodes_csv},
    "slurm": {"cluster": _slurm_cluster, "topology": _slurm_topology},
}


def render(plan: AddressPlan, kind: str, variant: str = "", server: str = "") -> str:
    """Render one configuration file.

    Args:
        plan: the checked plan.
        kind: a key of :data:`KINDS`.
        variant: one of the kind's; empty for its default.
        server: name of the boot server it is for; empty for the head.

    Returns:
        The text of the file. Same plan, same bytes.

    Raises:
        PiclusterError: unknown kind, variant or server.
    """
    variants = KINDS.get(kind)
    if variants is None:
        raise refusal(f"no configuration {kind!a}", f"there are: {', '.join(KINDS)}")
    chosen = variant or next(iter(variants))
    if chosen not in variants:
        raise refusal(f"no variant {chosen!a} of {kind}", f"there are: {', '.join(variants)}")
    return variants[chosen](plan, _server(plan, server))


def render_known_hosts(plan: AddressPlan, found: Mapping[str, str]) -> str:
    """Render the ``known_hosts`` file of a control node.

    Args:
        plan: the checked plan.
        found: public key of the authority on each boot server, by the server's name; the
            description's own authorities come before them.

    Raises:
        PiclusterError: no boot server of that name, or not an ed25519 public key.
    """
    cluster = plan.cluster
    return _render("known_hosts.j2", cluster=cluster, authorities=[*authorities(cluster, found)])


def _server(plan: AddressPlan, name: str) -> Server:
    for server in plan.cluster.servers:
        if name in ("", server.name):
            return server
    known = ", ".join(server.name for server in plan.cluster.servers)
    raise refusal(f"no boot server {name!a}", f"there are: {known}", file=plan.cluster.path)

"""Render a daemon's configuration: a pure function of the plan."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from picluster.cluster.model import Bank, Server
from picluster.errors import refusal
from picluster.net import dotted
from picluster.plan.model import AddressPlan
from picluster.render.dhcp import VENDOR_CLASS, dhcp_config, pxe_options

#: TFTP blocks fit an Ethernet frame: the boot stages do not reassemble fragments.
_TFTP_OPTIONS = "--secure --ipv4 --verbose --blocksize 1468"
_NODES_PER_THREAD = 8
_MIN_THREADS, _MAX_THREADS = 8, 128


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


def _known_hosts(plan: AddressPlan, server: Server) -> str:
    cluster = plan.cluster
    names = [f"pi-{bank.number}-*" for bank in cluster.banks]
    names += [f"*.{cluster.domain_name}"]
    parts = {part for bank in cluster.banks for part in range(*_octets(bank))}
    names += [dotted(part << 8).removesuffix("0") + "*" for part in sorted(parts)]
    return _render("known_hosts.j2", **_common(plan, server), names=",".join(names))


def _octets(bank: Bank) -> tuple[int, int]:
    """The first three octets of a bank's first address, and one more than those of its last."""
    return bank.address(1) >> 8, (bank.address(bank.size) >> 8) + 1


def _common(plan: AddressPlan, server: Server) -> dict[str, Any]:
    return {
        "cluster": plan.cluster,
        "network": str(plan.cluster.network),
        "address": dotted(server.address),
    }


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


_Renderer = Callable[[AddressPlan, Server], str]

#: Renderers by kind and variant; the first variant of a kind is its default.
KINDS: dict[str, dict[str, _Renderer]] = {
    "dhcp": {"isc": _dhcp_isc},
    "tftp": {"tftpd_hpa": _tftpd_hpa, "systemd": _tftp_systemd},
    "exports": {"kernel": _exports_kernel, "ganesha": _exports_ganesha},
    "known_hosts": {"openssh": _known_hosts},
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


def _server(plan: AddressPlan, name: str) -> Server:
    for server in plan.cluster.servers:
        if name in ("", server.name):
            return server
    known = ", ".join(server.name for server in plan.cluster.servers)
    raise refusal(f"no boot server {name!a}", f"there are: {known}", file=plan.cluster.path)

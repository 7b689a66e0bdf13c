"""What can be said of a cluster's addresses before any board is known."""

from __future__ import annotations

from collections.abc import Iterator

from picluster.cluster.model import Bank, Cluster, Pdu, Server
from picluster.cluster.ports import canonical_port
from picluster.errors import Problem
from picluster.net import dotted


def fixed_addresses(cluster: Cluster) -> dict[int, str]:
    """Addresses no node may have, and whose they are."""
    owners = {
        cluster.network.first: "the network's own",
        cluster.network.last: "the broadcast address",
    }
    if cluster.router is not None:
        owners[cluster.router] = "the router's"
    for server in cluster.servers:
        kind = "the head" if server is cluster.head else f"boot server {server.name}"
        owners[server.address] = f"{kind}'s"
    for switch in cluster.switches:
        if switch.address is not None:
            owners[switch.address] = f"switch {switch.name}'s"
    for pdu in _own_addresses(cluster):
        if pdu.address is not None:
            owners[pdu.address] = f"PDU {pdu.name}'s"
    return owners


def _own_addresses(cluster: Cluster) -> Iterator[Pdu]:
    """PDUs whose address is their own: PowerMan's is a daemon's, that may serve several."""
    return (pdu for pdu in cluster.pdus if pdu.driver != "powerman")


def check_layout(cluster: Cluster) -> Iterator[Problem]:
    """Problems of banks and servers with the network and with each other."""
    for bank in cluster.banks:
        yield from _check_size(cluster, bank)
    yield from _check_overlaps(cluster)
    yield from _check_servers(cluster)
    yield from _check_ports(cluster)


def _problem(cluster: Cluster, bank: Bank, what: str, remedy: str) -> Problem:
    return Problem(what, remedy, str(cluster.path), cluster.lines.get(bank.number))


def _check_size(cluster: Cluster, bank: Bank) -> Iterator[Problem]:
    last = bank.address(bank.size)
    if bank.address(1) not in cluster.network or last not in cluster.network:
        span = f"{dotted(bank.address(1))} to {dotted(last)}"
        what = f"network {cluster.network} is too small for bank {bank.number} ({span})"
        yield _problem(cluster, bank, what, "take a larger network or a lower bank number")
    elif last not in bank.block:
        what = f"bank {bank.number} has {bank.size} slots, its block {bank.block} fewer addresses"
        yield _problem(cluster, bank, what, "reduce its size or give it a larger block")


def _check_overlaps(cluster: Cluster) -> Iterator[Problem]:
    widest: Bank | None = None
    for bank in sorted(cluster.banks, key=lambda bank: bank.block.first):
        if widest is not None and widest.block.last >= bank.block.first:
            what = (
                f"banks {widest.number} ({widest.block}) and {bank.number} ({bank.block}) overlap"
            )
            yield _problem(cluster, bank, what, "give them blocks of their own")
        if widest is None or bank.block.last > widest.block.last:
            widest = bank


def _check_servers(cluster: Cluster) -> Iterator[Problem]:
    lines, file = cluster.lines, str(cluster.path)
    servers = [
        (server.address, server.name, lines.get(_server_key(cluster, server)))
        for server in cluster.servers
    ]
    for address, name, line in servers:
        if address not in cluster.network:
            what = f"{name} has {dotted(address)}, outside {cluster.network}"
            yield Problem(what, "give it an address of the boot network", file, line)
    if cluster.router is not None and cluster.router not in cluster.network:
        what = f"the router has {dotted(cluster.router)}, outside {cluster.network}"
        yield Problem(what, "name one the boards can reach", file, lines.get("dhcp"))
    owned = [
        *servers,
        *((one.address, one.name, lines.get(f"switches {one.name}")) for one in cluster.switches),
        *(
            (one.address, one.name, lines.get(f"pdus {one.name}"))
            for one in _own_addresses(cluster)
        ),
    ]
    yield from _check_owned(cluster, owned)


def _server_key(cluster: Cluster, server: Server) -> str:
    return "head" if server is cluster.head else f"boot_servers {server.name}"


def _check_owned(
    cluster: Cluster, owned: list[tuple[int | None, str, int | None]]
) -> Iterator[Problem]:
    seen: dict[int, str] = {}
    for address, name, line in owned:
        if address is None:
            continue
        if address in (cluster.network.first, cluster.network.last):
            what = f"{name} has {dotted(address)}, the network's own or broadcast address"
            yield Problem(what, "give it another one", str(cluster.path), line)
        if address in seen:
            what = f"{name} and {seen[address]} both have {dotted(address)}"
            yield Problem(what, "give one another address", str(cluster.path), line)
        seen.setdefault(address, name)


def _check_ports(cluster: Cluster) -> Iterator[Problem]:
    """Described ports that two slots have, or that lead to another switch."""
    switches = {switch.name: switch for switch in cluster.switches}
    owners: dict[tuple[str, str], Bank] = {}
    for bank in cluster.banks:
        if bank.switch is None or not bank.ports:
            continue
        shared = dict[int, list[str]]()
        for port in bank.ports:
            owner = owners.setdefault((bank.switch, canonical_port(port)), bank)
            if owner is not bank:
                shared.setdefault(owner.number, []).append(port)
        for number, ports in shared.items():
            what = f"banks {number} and {bank.number} both have {_listed(ports, bank.switch)}"
            yield _problem(cluster, bank, what, "give each slot a port of its own")
        uplinks = [port for port in bank.ports if switches[bank.switch].is_uplink(port)]
        if uplinks:
            what = f"bank {bank.number} has {_listed(uplinks, bank.switch)}, described as uplink"
            yield _problem(cluster, bank, what, "correct the bank's ports or the switch's uplinks")


def _listed(ports: list[str], switch: str) -> str:
    return f"port{'s' if len(ports) > 1 else ''} {', '.join(ports)} of {switch}"

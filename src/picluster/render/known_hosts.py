"""Who may vouch for the nodes' host keys: the lines of a ``known_hosts`` file."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from picluster.cluster.model import Bank, Cluster
from picluster.errors import refusal, shown
from picluster.net import dotted

_KEY = re.compile(r"ssh-ed25519 ([A-Za-z0-9+/]{68})", re.ASCII)
#: What comes before the 32 bytes of an ed25519 key (RFC 8709).
_KEY_HEADER = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority and the nodes it may vouch for.

    Attributes:
        names: patterns of host names and addresses, joined by commas.
        key: its public key, type and base64.
        comment: who it is; may be empty.
    """

    names: str
    key: str
    comment: str = ""


def authorities(cluster: Cluster, found: Mapping[str, str]) -> Iterator[Authority]:
    """The authorities of a cluster: those of its description, then those of its boot servers.

    Args:
        cluster: the description.
        found: public key of the authority on each boot server, by the server's name. It may
            vouch for the nodes its server boots, those of the description for all nodes.

    Raises:
        PiclusterError: no boot server of that name, or not an ed25519 public key.
    """
    _check(cluster, found)
    everything = f"{_names(cluster.banks)},*.{cluster.domain_name}"
    for key in cluster.host_authorities:
        yield Authority(everything, key)
    for server in cluster.servers:
        banks = [bank for bank in cluster.banks if bank.boot_server == server.name]
        if server.name in found and banks:
            yield Authority(_names(banks), found[server.name], server.name)


def _check(cluster: Cluster, found: Mapping[str, str]) -> None:
    known = [server.name for server in cluster.servers]
    for server, key in found.items():
        if server not in known:
            raise refusal(
                f"no boot server {shown(server)}",
                f"there are: {', '.join(known)}",
                file=cluster.path,
            )
        if not _is_ed25519(key):
            raise refusal(f"the authority of {server} is no ed25519 public key: {shown(key)}")


def _is_ed25519(key: str) -> bool:
    match = _KEY.fullmatch(key)
    try:
        return match is not None and base64.b64decode(match[1]).startswith(_KEY_HEADER)
    except binascii.Error:
        return False


def _names(banks: Iterable[Bank]) -> str:
    """Patterns of the names and addresses in some banks; a name's covers it with the domain."""
    listed = list(banks)
    names = [f"pi-{bank.number}-*" for bank in listed]
    parts = {part for bank in listed for part in range(*_octets(bank))}
    names += [dotted(part << 8).removesuffix("0") + "*" for part in sorted(parts)]
    return ",".join(names)


def _octets(bank: Bank) -> tuple[int, int]:
    """The first three octets of a bank's first address, and one more than those of its last."""
    return bank.address(1) >> 8, (bank.address(bank.size) >> 8) + 1

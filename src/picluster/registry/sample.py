"""Invented boards, always the same ones, for trying a cluster before its harvest."""

from __future__ import annotations

import hashlib

from picluster.cluster.model import Bank, Cluster
from picluster.mac import SERIAL_OUI, MacAddress
from picluster.registry.file import SAMPLE_MARK
from picluster.registry.model import Entry
from picluster.registry.text import render

_SEEN = "2019-09-14T10:00:00Z"
_FROM = "sample"
_SPREAD = 0x9E3779B1  # odd, so that the map is one to one


def sample_serial(cluster: str, ordinal: int) -> str:
    """The serial of an invented 3B+: 8 hex digits.

    Args:
        cluster: name of the cluster; other clusters have other boards.
        ordinal: which of its boards, below 2 ** 24; no two of them have the same low 24 bits.
    """
    key = hashlib.sha256(cluster.encode()).digest()
    low = (ordinal * _SPREAD + int.from_bytes(key[:3], "big")) % (1 << 24)
    return f"{(key[3] + ordinal) % 256:02x}{low:06x}"


def mac_of(serial: str) -> MacAddress:
    """The MAC address of a 3B+: b8:27:eb and the low 24 bits of its serial."""
    return MacAddress(f"{SERIAL_OUI}:{serial[2:4]}:{serial[4:6]}:{serial[6:8]}")


def sample_entries(cluster: Cluster) -> tuple[Entry, ...]:
    """A full registry of invented boards, every slot taken."""
    slots = ((bank, slot) for bank in cluster.banks for slot in range(1, bank.size + 1))
    return tuple(
        _entry(bank, slot, sample_serial(cluster.name, ordinal))
        for ordinal, (bank, slot) in enumerate(slots)
    )


def _entry(bank: Bank, slot: int, serial: str) -> Entry:
    wired = bank.switch is not None
    return Entry(
        bank=bank.number,
        slot=slot,
        mac=mac_of(serial),
        serial=serial,
        port=_port(bank, slot) if wired else "",
        mac_from=_FROM,
        mac_seen=_SEEN,
        serial_from=_FROM,
        serial_seen=_SEEN,
        port_from=_FROM if wired else "",
        port_seen=_SEEN if wired else "",
    )


def _port(bank: Bank, slot: int) -> str:
    """The described port, else odd ports first, as the big cluster was plugged."""
    if bank.ports:
        return bank.ports[slot - 1]
    odd = (bank.size + 1) // 2
    return str(2 * slot - 1 if slot <= odd else 2 * (slot - odd))


def sample_text(cluster: Cluster) -> str:
    """The text of a sample registry, marked as one."""
    mark = (
        f"{SAMPLE_MARK} of {cluster.name}: its boards are invented.\n"
        "# Begin your own: picluster harvest --fresh --write ...\n"
    )
    return render(mark, sample_entries(cluster))

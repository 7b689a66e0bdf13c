"""From the rows of BRIDGE-MIB and Q-BRIDGE-MIB tables to facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from picluster.errors import shown
from picluster.harvest.live.text import now
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import MacAddress, parse_mac

Index = tuple[int, ...]

#: dot1dTpFdbStatus and dot1qTpFdbStatus (RFC 4188, RFC 4363).
_STATUS = {1: "other", 2: "invalid", 3: "learned", 4: "self", 5: "mgmt"}
_LEARNED = 3


@dataclass(frozen=True, slots=True)
class Tables:
    """Columns of one switch, each from the index below the column to the value.

    Attributes:
        if_index: bridge port → ifIndex.
        names: ifIndex → ifName.
        ports: (fdb id and) MAC octets → bridge port.
        status: (fdb id and) MAC octets → status.
        fdb_of_vlan: (time mark, VLAN) → fdb id.
        q_bridge: the indexes of ``ports`` begin with the fdb id.
        vlan: the VLAN all of it was asked for, or ``None``.
    """

    if_index: Mapping[Index, int | bytes]
    names: Mapping[Index, int | bytes]
    ports: Mapping[Index, int | bytes]
    status: Mapping[Index, int | bytes]
    fdb_of_vlan: Mapping[Index, int | bytes]
    q_bridge: bool
    vlan: int | None = None


def facts_of_tables(tables: Tables, source: str, switch: str) -> Iterator[Fact]:
    """Yield an observation per learned station and a remark per row that is none.

    Args:
        tables: what the switch answered; nothing in it is trusted.
        source: live source, for the facts.
        switch: the switch's name.
    """
    port_names = _port_names(tables)
    vlans = _vlans(tables)
    seen = now()
    for index, port in tables.ports.items():
        fdb, octets = (index[:1], index[1:]) if tables.q_bridge else ((), index)
        try:
            mac = _mac(octets)
            number = _port(port)
        except ValueError as error:
            yield Remark(f"{switch}: {error}", source)
            continue
        reason = _no_station(number, tables.status.get(index, _LEARNED))
        if reason:
            yield Remark(f"{switch}: {mac} is {reason}: not a station", source)
            continue
        yield Observation(
            mac=mac,
            kind=Kind.SWITCH,
            source=source,
            seen=seen,
            switch=switch,
            port=port_names.get(number, str(number)),
            vlan=str(tables.vlan) if tables.vlan is not None else vlans.get(fdb),
        )


def _mac(octets: Index) -> MacAddress:
    if len(octets) != 6 or any(octet > 255 for octet in octets):
        raise ValueError(f"not an index of a MAC address: {shown('.'.join(map(str, octets)))}")
    return parse_mac(bytes(octets).hex())


def _port(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError(f"not a bridge port: {shown(value)}")
    return value


def _no_station(port: int, status: int | bytes) -> str:
    if status != _LEARNED:
        name = _STATUS.get(status) if isinstance(status, int) else None
        return f"'{name}'" if name else f"of status {shown(status)}"
    # RFC 4188: 0 means learned, but the port is not known.
    return "at port 0" if port <= 0 else ""


def _port_names(tables: Tables) -> dict[int, str]:
    names = {}
    for index, if_index in tables.if_index.items():
        name = tables.names.get((if_index,)) if isinstance(if_index, int) else None
        text = name.decode("ascii", "replace").strip() if isinstance(name, bytes) else ""
        # A name that is not plain text stays out; the bridge port number stands for it.
        if len(index) == 1 and text.isascii() and text.isprintable() and 0 < len(text) <= 64:
            names[index[0]] = text
    return names


def _vlans(tables: Tables) -> dict[Index, str | None]:
    """The VLAN of each fdb id; ``None`` where several VLANs share one."""
    vlans: dict[Index, str | None] = {}
    for index, fdb in tables.fdb_of_vlan.items():
        if isinstance(fdb, int) and len(index) == 2:
            key = (fdb,)
            vlans[key] = None if key in vlans else str(index[1])
    return vlans

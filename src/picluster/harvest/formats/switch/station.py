"""From the cells of a table row to facts: who is a station, and who is the switch itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import AddressValueError, IPv4Address

from picluster.errors import shown
from picluster.harvest.formats.base import Context
from picluster.harvest.formats.switch.text import MAC_LOOKING, MAX_LINE, Row, too_long
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import parse_mac

#: A switch forgets a station after minutes; an older age is another kind of number.
_MAX_AGE_S = 30 * 86400
#: Epochs before the first Raspberry Pi are clocks that were never set.
_FIRST_EPOCH = datetime(2012, 1, 1, tzinfo=UTC)
_NO_STATION_TYPE = re.compile(
    r"self|management|mgmt|system|cpu|router|local|internal|invalid|igmp|flood|multicast|other"
    r"|permanent",
    re.IGNORECASE,
)
_NO_STATION_PORT = re.compile(
    r"cpu(?: .*|[-/]?\d.*)?|router|switch|drop|self|sup-eth.*|vl(?:an)?[- ]?\d+|internal"
    r"|all-members|flood|management|mgmt|blackhole|-+|n/a|none|irb(?:\.\d+)?|vpls.*|igmp.*|.*\(r\)|local|unknown",
    re.IGNORECASE,
)
_PORT = re.compile(r"[A-Za-z0-9][\w:./@+(), -]{0,63}", re.ASCII)
_VLAN = re.compile(r"[A-Za-z0-9][\w:./@+-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cells:
    """One table row by meaning; texts as printed, empty when the table has no such cell.

    Attributes:
        mac: MAC address.
        port: one port, or several joined by commas or blanks.
        vlan: VLAN tag or name.
        type: type or status of the entry.
        age: seconds since last seen, only when the table plainly means that.
        address: IPv4 address.
        uplink: the source marks the port as an uplink.
        single: the port is one name, blanks and commas included.
    """

    mac: str
    port: str = ""
    vlan: str = ""
    type: str = ""
    age: str = ""
    address: str = ""
    uplink: bool = False
    single: bool = False


def facts_of(cells: Cells, row: Row, context: Context) -> Iterator[Fact]:
    """Give an observation per port of the row, or one remark that says why there is none."""
    try:
        mac = parse_mac(cells.mac)
    except ValueError as error:
        yield remark(str(error), row, context)
        return
    reason = _no_station(cells)
    if reason:
        yield remark(f"{mac} {reason}: not a station", row, context)
        return
    for port in ([cells.port] if cells.single else ports_of(cells.port)) or [""]:
        if port and not _PORT.fullmatch(port):
            yield remark(f"{mac}: not a port name: {shown(port)}", row, context)
            continue
        yield Observation(
            mac=mac,
            kind=Kind.SWITCH,
            source=context.source,
            line=row.number,
            seen=seen_at(cells.age, context),
            switch=row.switch,
            port=port or None,
            vlan=_vlan(cells.vlan),
            uplink=cells.uplink,
            address=ipv4(cells.address),
        )


def _no_station(cells: Cells) -> str:
    if cells.type and _NO_STATION_TYPE.fullmatch(cells.type):
        return f"is {shown(cells.type.lower())}"
    if cells.port and _NO_STATION_PORT.fullmatch(cells.port):
        return f"is at {shown(cells.port)}"
    return ""


def ports_of(cell: str) -> list[str]:
    """The ports of a cell such as ``1:3, 1:45`` or ``Gi1/1 Gi1/2``."""
    return [port for port in re.split(r"[,\s]+", cell) if port]


def _vlan(cell: str) -> str | None:
    return cell if _VLAN.fullmatch(cell) else None


def ipv4(cell: str) -> str | None:
    """A dotted quad that a host can have, or ``None``."""
    try:
        address = IPv4Address(cell)
    except (AddressValueError, ValueError):
        return None
    return None if address.is_unspecified or address.is_multicast else str(address)


def seen_at(age: str, context: Context) -> datetime:
    """Time of last change of the file, less the age in seconds where the table has one."""
    if re.fullmatch(r"[0-9]{1,7}", age) and int(age) <= _MAX_AGE_S:
        return context.modified - timedelta(seconds=int(age))
    return context.modified


def from_epoch(value: object, context: Context) -> datetime:
    """A UNIX time in seconds, or the file's own time when it makes no sense."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            when = datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError, ValueError):
            return context.modified
        if _FIRST_EPOCH <= when <= context.modified + timedelta(days=1):
            return when
    return context.modified


def remark(what: str, row: Row, context: Context) -> Remark:
    """A remark at the row's line."""
    return Remark(what, context.source, row.number)


def not_understood(row: Row, context: Context) -> Iterator[Remark]:
    """Report a line no rule took, when it may have been a row."""
    if too_long(row):
        yield remark(f"line of more than {MAX_LINE} characters: not read", row, context)
    elif MAC_LOOKING.search(row.text):
        yield remark(f"row not understood: {shown(row.text.strip())}", row, context)

"""UniFi JSON: the controller's ``stat/device`` and ``stat/sta``, and a switch's ``mca-dump``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from picluster.errors import shown
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.switch.detect import kind_of
from picluster.harvest.formats.switch.json_text import read_documents
from picluster.harvest.formats.switch.station import Cells, facts_of, from_epoch, remark
from picluster.harvest.formats.switch.text import Row
from picluster.harvest.observation import Fact, Observation
from picluster.mac import parse_mac

_NO_ROW = Row(1, "")


@dataclass(slots=True)
class UnifiJsonFormat:
    """Devices and clients in one or several documents, in the envelope or bare."""

    name: str = "unifi-json"
    title: str = "UniFi JSON: stat/device, stat/sta, mca-dump"
    streams: bool = False

    def matches(self, head: str) -> bool:
        """Whether it is JSON, whole or broken, with keys of UniFi devices or clients."""
        return kind_of(head) == self.name

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield stations and remarks.

        Raises:
            PiclusterError: broken or fragmentary JSON, with line and reason.
        """
        document = read_documents(lines, context)
        yield from facts(document.values, context, document.mac_lines(), document.switch)


def facts(
    values: Iterable[object],
    context: Context,
    line_of: Callable[[str], int | None] = lambda _mac: None,
    prompt: str | None = None,
) -> Iterator[Fact]:
    """Read what the controller's API or a switch gave.

    Args:
        values: decoded JSON: envelopes, lists, devices or clients.
        context: source and time.
        line_of: line of a ``"mac"`` value; a live source has none.
        prompt: the switch a captured session names, for dumps that do not name it themselves.
    """
    objects = [item for value in values for item in _objects(value)]
    names = _names(objects)
    for item in objects:
        if _is_device(item):
            yield from _device(item, context, line_of, prompt)
        elif "sw_mac" in item or "is_wired" in item:
            yield from _client(item, names, context, line_of)
        elif isinstance(item.get("mac"), str):
            where = _row(line_of(item["mac"]))
            yield remark(f"{shown(item['mac'])}: neither a device nor a client", where, context)


def _objects(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("data"), list):
            yield from _objects(value["data"])
        else:
            yield value
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield item


def _is_device(item: dict[str, Any]) -> bool:
    return "port_table" in item or "mac_table" in item or "ethernet_table" in item


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _number(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536:
        return str(value)
    return value if isinstance(value, str) and value.isascii() and value.isdigit() else ""


def _row(line: int | None, switch: str | None = None) -> Row:
    return replace(_NO_ROW, number=line, switch=switch)  # type: ignore[arg-type]


def _names(objects: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {
        _text(item.get("mac")).lower(): _device_name(item, None) or ""
        for item in objects
        if _is_device(item)
    }


def _device_name(item: dict[str, Any], prompt: str | None) -> str | None:
    named = (_text(item.get(key)) for key in ("name", "hostname"))
    return (
        next((name for name in named if name), None)
        or prompt
        or _text(item.get("ip"))
        or _mac(item.get("mac"))
    )


def _mac(value: object) -> str | None:
    try:
        return parse_mac(_text(value))
    except ValueError:
        return None


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _device(
    item: dict[str, Any],
    context: Context,
    line_of: Callable[[str], int | None],
    prompt: str | None,
) -> Iterator[Fact]:
    switch = _device_name(item, prompt)
    own = line_of(item["mac"]) if isinstance(item.get("mac"), str) else None
    where = _row(own, switch)
    ports = _dicts(item.get("port_table"))
    uplinks = _uplinks(item, ports)
    rows = 0
    for index, entry in _mac_tables(item, ports):
        rows += 1
        cells = Cells("", index, uplink=index in uplinks)
        row = _row(line_of(_text(entry.get("mac"))), switch)
        yield from _entry(entry, cells, _mac(item.get("mac")), row, context)
    name = shown(switch or "a device")
    for index in sorted(uplinks, key=int):
        yield remark(f"{name}: port {index} is the uplink", where, context)
    if not rows:
        yield remark(
            f"{name}: no MAC address table in the dump; stat/sta has the clients' ports",
            where,
            context,
        )


def _mac_tables(
    item: dict[str, Any], ports: list[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each entry with its port: tables stand with their port, or one stands for the device."""
    for port in ports:
        for entry in _dicts(port.get("mac_table")):
            yield _number(port.get("port_idx")), entry
    for entry in _dicts(item.get("mac_table")):
        yield next((_number(entry[key]) for key in ("port_idx", "port") if key in entry), ""), entry


def _uplinks(item: dict[str, Any], ports: list[dict[str, Any]]) -> set[str]:
    found = {_number(port.get("port_idx")) for port in ports if port.get("is_uplink") is True}
    uplink = item.get("uplink")
    if isinstance(uplink, dict):
        found.add(_number(uplink.get("port_idx")))
    return found - {""}


def _entry(
    entry: dict[str, Any], cells: Cells, own: str | None, row: Row, context: Context
) -> Iterator[Fact]:
    """Read an entry of a ``mac_table``; ``cells`` has the port and whether it is an uplink."""
    mac = _text(entry.get("mac"))
    if own is not None and _mac(mac) == own:
        yield remark(f"{mac} is the switch itself: not a station", row, context)
        return
    age = entry.get("age")
    filled = replace(
        cells,
        mac=mac,
        vlan=_number(entry.get("vlan")),
        age=str(age) if isinstance(age, int) and not isinstance(age, bool) else "",
        address=_text(entry.get("ip")),
    )
    yield from facts_of(filled, row, context)


def _client(
    item: dict[str, Any],
    names: dict[str, str],
    context: Context,
    line_of: Callable[[str], int | None],
) -> Iterator[Fact]:
    mac = _text(item.get("mac"))
    switch = _mac(item.get("sw_mac"))
    row = _row(line_of(mac), names.get(switch or "") or switch)
    if item.get("is_wired") is not True:
        yield remark(f"{shown(mac)} is not wired: no switch port of its own", row, context)
        return
    cells = Cells(
        mac=mac,
        port=_number(item.get("sw_port")),
        vlan=_number(item.get("vlan")),
        address=_text(item.get("ip")),
    )
    for fact in facts_of(cells, row, context):
        if isinstance(fact, Observation):
            yield replace(fact, seen=from_epoch(item.get("last_seen"), context))
        else:
            yield fact

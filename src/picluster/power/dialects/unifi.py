"""UniFi devices as the controller lists them: ports that feed by PoE, outlets of a UniFi PDU."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from picluster.errors import refusal
from picluster.power.dialects.table import OutletRow, Table, table_of
from picluster.power.model import OutletState

#: What ``poe_mode`` is where a port that was off is to feed again.
POE_ON = "auto"
POE_OFF = "off"

Device = Mapping[str, Any]


def device_of(answer: Sequence[Any], mac: str) -> dict[str, Any]:
    """The device with a MAC address in the controller's list.

    Raises:
        PiclusterError: it is not there.
    """
    for device in answer:
        if isinstance(device, dict) and str(device.get("mac", "")).lower() == mac.lower():
            return device
    raise refusal(f"the controller knows no device {mac}", "correct the switch's mac")


def has_outlets(device: Device) -> bool:
    """Whether it is a PDU: outlets with relays."""
    return bool(_rows(device, "outlet_table"))


def outlets(device: Device) -> Table:
    """The outlets of a PDU, or the ports of a switch that can feed by PoE.

    A port is on when PoE is not switched off there, whether or not something draws power.

    Raises:
        PiclusterError: it has neither, or one of them twice.
    """
    if has_outlets(device):
        rows = [
            OutletRow(
                _number(row, "index"), _relay(row.get("relay_state")), str(row.get("name", ""))
            )
            for row in _rows(device, "outlet_table")
        ]
    else:
        rows = [
            OutletRow(_number(row, "port_idx"), _poe(row), str(row.get("name", "")))
            for row in _rows(device, "port_table")
            if row.get("port_poe")
        ]
    return table_of(rows, "the device's list of ports")


def _rows(device: Device, key: str) -> list[dict[str, Any]]:
    rows = device.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _number(row: Mapping[str, Any], key: str) -> int:
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _relay(value: object) -> OutletState:
    if not isinstance(value, bool):
        return OutletState.UNKNOWN
    return OutletState.ON if value else OutletState.OFF


def _poe(row: Mapping[str, Any]) -> OutletState:
    mode = row.get("poe_mode")
    if mode == POE_OFF:
        return OutletState.OFF
    known = mode in ("auto", "pasv24", "passthrough", "poe", "poe+", "poe++")
    return OutletState.ON if known else OutletState.UNKNOWN


def overrides(device: Device, number: int, *, on: bool) -> dict[str, Any]:
    """The body that switches one outlet or port and leaves every other setting as it is.

    The controller takes the whole list of overrides: what is left out of it is reset.
    """
    if has_outlets(device):
        name = str(_row(device, "outlet_table", "index", number).get("name", ""))
        entries = _with(device, "outlet_overrides", {"index": number}, {"name": name})
        entries[number]["relay_state"] = on
        return {"outlet_overrides": list(entries.values())}
    profile = _row(device, "port_table", "port_idx", number).get("portconf_id")
    entries = _with(
        device, "port_overrides", {"port_idx": number}, {"portconf_id": profile} if profile else {}
    )
    entries[number]["poe_mode"] = POE_ON if on else POE_OFF
    return {"port_overrides": list(entries.values())}


def _row(device: Device, table: str, key: str, number: int) -> Mapping[str, Any]:
    return next((row for row in _rows(device, table) if row.get(key) == number), {})


def _with(
    device: Device, table: str, index: dict[str, int], fresh: dict[str, Any]
) -> dict[object, dict[str, Any]]:
    """The device's overrides by number, with one for the number asked for."""
    ((key, number),) = index.items()
    entries: dict[object, dict[str, Any]] = {}
    for place, entry in enumerate(copy.deepcopy(_rows(device, table))):
        # One without a number is kept as it is.
        entries[entry.get(key, f"without number {place}")] = entry
    entries.setdefault(number, {**index, **fresh})
    return entries

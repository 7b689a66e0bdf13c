"""Outlets in whatever was captured from a power device: a terminal session, a page, a walk.

For people who want to know whether a device prints what a driver reads, and for tests over captured
samples. Drivers read their own answers and nothing else.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from picluster.errors import PiclusterError
from picluster.power.dialects import apc, powerman, synaccess, unifi
from picluster.power.dialects.table import OutletRow, Table, table_of

_STATUS_LINE = re.compile(
    r"(?:^|[\s>])(?P<line>\$A0,[01]{1,24}(?:,[0-9A-Za-z.]{1,12}){0,3}"
    r"|[01]{2,24}(?:,[0-9.]{1,12}){1,2},(?:[0-9.]{1,12}|XX))(?=$|\s|'|\\)",
    re.MULTILINE,
)
_RESPONSE = re.compile(r"<response>.*?</response>", re.DOTALL)
_WALK = re.compile(
    r"(?:^|\s)\.?(?:iso|1|SNMPv2-SMI::enterprises|enterprises)(?P<oid>(?:\.[0-9]+)+)"
    r"(?: = [A-Za-z0-9-]+)?: \"?(?P<value>[^\"\r\n]*)\"?",
    re.MULTILINE,
)
_NAMED_WALK = re.compile(
    r"(?P<name>s?rPDU2?Outlet[A-Za-z]*|sPDUOutletCtl|sPDUMasterState)\.(?P<outlet>[0-9]{1,4})"
    r" = [A-Za-z0-9-]+: \"?(?P<value>[^\"\r\n]*)\"?"
)
_NAMED_COLUMNS = {
    "rPDUOutletStatusOutletState": apc.RPDU,
    "rPDU2OutletSwitchedStatusState": apc.RPDU2,
    "sPDUOutletCtl": apc.MASTERSWITCH,
}
_APC_PREFIX = (1, 3, 6, 1, 4, 1)
_MASTER_STATE = (*_APC_PREFIX, 318, 1, 1, 4, 2, 2, 0)
_POWERMAN = re.compile(r"^303 .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """One table of outlets in a text.

    Attributes:
        kind: what it was taken for.
        table: the outlets.
    """

    kind: str
    table: Table


def outlets_in(text: str) -> list[Found]:
    """Every table of outlets a text holds, in the order of the kinds tried.

    Raises:
        PiclusterError: a table that is one and has an outlet twice.
    """
    return [Found(kind, table) for kind, read in _READERS.items() for table in read(text)]


def _sysshow(text: str) -> Iterator[Table]:
    if "Outlet Status" in text:
        yield synaccess.sysshow(text)


def _status_lines(text: str) -> Iterator[Table]:
    for match in _STATUS_LINE.finditer(text):
        yield synaccess.status_line(match["line"])


def _status_xml(text: str) -> Iterator[Table]:
    for match in _RESPONSE.finditer(text):
        if "<rly" in match[0]:
            yield synaccess.status_xml(match[0])


def _status_page(text: str) -> Iterator[Table]:
    if re.search(r"led(on|off)\.gif", text, re.IGNORECASE):
        for page in re.split(r"(?i)(?=<TABLE BORDER)", text):
            if re.search(r"led(on|off)\.gif", page, re.IGNORECASE):
                yield synaccess.status_page(page)


def _snmp(text: str) -> Iterator[Table]:
    rows: dict[str, list[OutletRow]] = defaultdict(list)
    for match in _WALK.finditer(text):
        oid = tuple(map(int, match["oid"].split(".")[1:]))
        oid = oid if oid[:2] == (3, 6) else (3, 6, 1, 4, 1, *oid)
        yield from _object((1, *oid), match["value"], rows)
    for match in _NAMED_WALK.finditer(text):
        column = _NAMED_COLUMNS.get(match["name"])
        if match["name"] == "sPDUMasterState":
            yield apc.master_state(match["value"])
        elif column is not None:
            oid = (*column.state, int(match["outlet"]))
            yield from _object(oid, match["value"], rows)
    for name, found in rows.items():
        yield table_of(found, f"the {name} table")


def _object(oid: apc.Oid, value: str, rows: dict[str, list[OutletRow]]) -> Iterator[Table]:
    if oid == _MASTER_STATE:
        yield apc.master_state(value)
    for table in apc.TABLES:
        number = re.search(r"-?[0-9]+", value)
        if oid[:-1] == table.state and number:
            rows[table.name].append(OutletRow(oid[-1], table.read(int(number[0]))))


def _menu(text: str) -> Iterator[Table]:
    table = apc.menu(text)
    if table:
        yield table


def _powerman(text: str) -> Iterator[Table]:
    lines = powerman.answer_lines("\n".join(_POWERMAN.findall(text)))
    states = powerman.plug_states(lines)
    if states:
        yield table_of(
            (OutletRow(n, state, plug) for n, (plug, state) in enumerate(states.items(), 1)),
            "PowerMan's answer",
        )


def _unifi(text: str) -> Iterator[Table]:
    if "port_table" not in text and "outlet_table" not in text:
        return
    try:
        answer = json.loads(text)
    except ValueError:
        return
    devices = answer.get("data") if isinstance(answer, dict) else answer
    for device in devices if isinstance(devices, list) else []:
        if isinstance(device, dict):
            try:
                yield unifi.outlets(device)
            except PiclusterError:
                continue  # a device that feeds nothing


_READERS: dict[str, Callable[[str], Iterator[Table] | list[Table]]] = {
    "Synaccess pshow": synaccess.pshow_tables,
    "Synaccess sysshow": _sysshow,
    "Synaccess $A5": _status_lines,
    "Synaccess status.xml": _status_xml,
    "Synaccess synOpStatus.shtml": _status_page,
    "APC SNMP": _snmp,
    "APC terminal": _menu,
    "PowerMan": _powerman,
    "UniFi": _unifi,
}

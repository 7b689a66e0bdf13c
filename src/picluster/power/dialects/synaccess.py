"""Synaccess netBooter and netCommander: what telnet and HTTP answers say of the outlets.

Sources: outlet tables and answers as captured from NP-05B, NP-02B, NP-08 and NP-0501DU units, and
the vendor's command list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from picluster.power.dialects.table import OutletRow, Table, no_table, state_of, table_of

# "1 | Pi #1 | OFF|" on a line of its own or, in older firmware, all outlets on one line.
_ROW = re.compile(
    r"(?:^|(?<=[\s|>]))(?P<number>[0-9]{1,3})[ \t]*\|(?P<name>[^|\r\n]*)\|[ \t]*"
    r"(?P<state>[A-Za-z0-9*?]{1,8})[ \t]*(?:\||$)",
    re.MULTILINE,
)
_HEADER = re.compile(r"Port[ \t]*\|[ \t]*Name[ \t]*\|[ \t]*Status[^\r\n]*", re.IGNORECASE)
_SYSSHOW = re.compile(r"Outlet Status ?\([^)\r\n]*\)[ \t]*:[ \t]*(?P<bits>[01](?:[ \t,]*[01])*)")
_BITS = re.compile(r"[01]{1,24}")
_RELAY = re.compile(
    r"<rly(?P<index>[0-9]{1,3})>[ \t\r\n]*(?P<state>[01])[ \t\r\n]*</rly(?P=index)>"
)
_LED = re.compile(r"<TR>\s*<TH>(?P<number>[0-9]{1,3})<TH>(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_LED_STATE = re.compile(r"led(?P<state>on|off)\.gif", re.IGNORECASE)

#: Answers to a command.
DONE, FAILED = "$A0", "$AF"
#: What firmware that has no ``$A`` commands says to each of them.
OLD_FIRMWARE = "Success!"


def clean(text: str) -> str:
    """An answer without the NUL bytes and lone carriage returns that telnet puts in."""
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def pshow(text: str) -> Table:
    """Read the answer to ``pshow``; of several tables in it the last one.

    Args:
        text: the answer, with echo, banner and prompt or without.

    Raises:
        PiclusterError: no outlet in it, or one of them twice.
    """
    text = clean(text)
    headers = list(_HEADER.finditer(text))
    if headers:
        text = text[headers[-1].end() :]
    rows = list(_rows(text))
    if not rows:
        raise no_table("the answer to pshow", text)
    return table_of(rows, "the answer to pshow")


def pshow_tables(text: str) -> list[Table]:
    """Read every table of a transcript; one without its header only where it is whole.

    Raises:
        PiclusterError: an outlet twice in a table.
    """
    text = clean(text)
    starts = [match.end() for match in _HEADER.finditer(text)]
    if not starts:
        rows = list(_rows(text))
        numbers = [row.number for row in rows]
        whole = len(rows) > 1 and numbers == list(range(1, len(rows) + 1))
        return [table_of(rows, "an outlet table")] if whole else []
    ends = [*starts[1:], len(text)]
    parts = (text[start:end] for start, end in zip(starts, ends, strict=True))
    return [table_of(rows, "an outlet table") for part in parts if (rows := list(_rows(part)))]


def _rows(text: str) -> Iterator[OutletRow]:
    place = 0
    while (match := _ROW.search(text, place)) is not None:
        yield OutletRow(int(match["number"]), state_of(match["state"]), match["name"].strip())
        # The bar that ends a row stands before the next one on the same line.
        place = match.end()


def sysshow(text: str) -> Table:
    """Read the outlet line of ``sysshow``: outlet 1 first.

    Raises:
        PiclusterError: there is none.
    """
    match = _SYSSHOW.search(clean(text))
    if match is None:
        raise no_table("the answer to sysshow", text)
    bits = re.sub("[^01]", "", match["bits"])
    return table_of((OutletRow(n, state_of(bit)) for n, bit in enumerate(bits, 1)), "sysshow")


def status_line(text: str) -> Table:
    """Read the answer to ``$A5``: outlets as digits, outlet 1 rightmost.

    ``$A0,10001,0.25,XX``, ``xxxx,cccc,tt``, ``xxxx,cccc,cccc,tt`` and the digits alone are taken;
    what follows the digits (current, temperature) is not read.

    Raises:
        PiclusterError: none of these.
    """
    fields = [field.strip(" \t'\"") for field in text.strip().split(",")]
    if fields[0] == DONE:
        fields = fields[1:]
    bits = fields[0] if fields else ""
    if _BITS.fullmatch(bits) is None:
        raise no_table("the answer to $A5", text)
    rows = (OutletRow(n, state_of(bit)) for n, bit in enumerate(reversed(bits), 1))
    return table_of(rows, "the answer to $A5")


def status_xml(text: str) -> Table:
    """Read ``status.xml``: relay 0 is outlet 1; relays the unit does not have are listed too.

    Raises:
        PiclusterError: no relay in it, or one of them twice.
    """
    rows = [OutletRow(int(m["index"]) + 1, state_of(m["state"])) for m in _RELAY.finditer(text)]
    if not rows:
        raise no_table("status.xml", text)
    return table_of(rows, "status.xml")


def status_page(text: str) -> Table:
    """Read ``synOpStatus.shtml`` of the oldest firmware: a picture of a lamp for each outlet.

    Raises:
        PiclusterError: no outlet in it, or one of them twice.
    """
    rows = list(_lamps(text))
    if not rows:
        raise no_table("synOpStatus.shtml", text)
    return table_of(rows, "synOpStatus.shtml")


def _lamps(text: str) -> Iterator[OutletRow]:
    for part in re.split(r"(?=<TR>)", text, flags=re.IGNORECASE):
        row = _LED.match(part)
        lamp = _LED_STATE.search(row["rest"]) if row else None
        if row and lamp:
            name = re.sub("<[^>]*>", " ", row["rest"][lamp.end() :].partition("<TH>")[2])
            yield OutletRow(
                int(row["number"]), state_of(lamp["state"]), " ".join(name.split())[:40]
            )

"""Kea's memfile: comma-separated rows, a log in which later rows override. Times are UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from picluster.errors import refusal, shown
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.dhcp.clock import epoch
from picluster.harvest.formats.rows import ipv4, is_reason, known_mac
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import MacAddress

_HEADER = re.compile(r"\s*address,(?=(?:\w+,)*hwaddr\b)(?:\w+,)*\w+\s*$")
_DECLINED = "1"


class LeasesKea:
    """``kea-leases4.csv``; columns by the header row, whatever the version."""

    name = "kea-leases"
    title = "lease file (memfile CSV) of Kea"
    streams = True

    def matches(self, head: str) -> bool:
        """Whether the first line is the header."""
        return _HEADER.match(head.lstrip().partition("\n")[0]) is not None

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per lease; declined ones and those without address are remarks.

        Raises:
            PiclusterError: the first row is no header.
        """
        columns: list[str] = []
        for number, text in lines:
            if not text.strip():
                continue
            cells = text.strip().split(",")  # Kea writes a comma in a cell as &#x2c
            if _HEADER.match(text):
                columns = cells
            elif not columns:
                raise refusal(
                    "no header row of a Kea lease file",
                    "take the whole file",
                    file=context.source,
                    line=number,
                )
            elif len(cells) < len(columns):
                what = f"row of {len(cells)} cells, not {len(columns)}: {shown(text)}"
                yield Remark(what, context.source, number)
            else:
                yield _fact(dict(zip(columns, cells, strict=False)), number, context)


def _fact(row: dict[str, str], number: int, context: Context) -> Fact:
    address = row["address"]
    if row.get("state") == _DECLINED:
        what = f"lease of {shown(address)} declined: the address was in use"
        return Remark(what, context.source, number)
    if not row["hwaddr"]:
        return Remark(f"lease of {shown(address)} without a MAC address", context.source, number)
    mac = known_mac(row["hwaddr"])
    if is_reason(mac):
        return Remark(mac, context.source, number)
    times = (row.get("expire", ""), row.get("valid_lifetime", ""))
    expire, lifetime = (int(t) if t.isascii() and t.isdigit() and len(t) < 13 else 0 for t in times)
    return Observation(
        MacAddress(mac),
        Kind.DHCP,
        context.source,
        number,
        epoch(expire - lifetime),
        address=ipv4(address),
        event="lease",
    )

"""Lease tables that print one lease a row."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from picluster.harvest.formats.base import Context
from picluster.harvest.formats.dhcp.clock import Clock, epoch
from picluster.harvest.formats.rows import IPV4, MAC, RowFormat, when_changed
from picluster.harvest.observation import Kind


def _before(expiry: datetime | None, context: Context) -> datetime:
    """A lease says when it ends: it was seen before that, and before the file was written."""
    return min(context.modified, expiry) if expiry else context.modified


def _dnsmasq(row: re.Match[str], context: Context) -> datetime:
    return _before(epoch(int(row["expiry"])), context)


def _fortinet(row: re.Match[str], context: Context) -> datetime:
    try:
        ends = datetime.strptime(" ".join(row["expiry"].split()), "%a %b %d %H:%M:%S %Y")
        zone = timezone(timedelta(seconds=context.utc_offset_s))
        return _before(ends.replace(tzinfo=zone).astimezone(UTC), context)
    except (ValueError, OverflowError):
        return context.modified


def _history(row: re.Match[str], context: Context) -> datetime | None:
    return Clock(context).iso(row["time"])


# expiry, MAC, address, name, client id: the last also begins like a MAC address and is none
DNSMASQ = RowFormat(
    "dnsmasq-leases",
    "dnsmasq.leases",
    re.compile(
        rf"\s*(?P<expiry>\d{{1,11}}) (?:01-)?(?P<mac>{MAC}) (?P<ip>{IPV4}) \S+(?: \S+)?\s*$"
    ),
    half=re.compile(rf"\s*\d{{1,11}} \S+ {IPV4}\b"),
    kind=Kind.DHCP,
    event="lease",
    seen=_dnsmasq,
)

FORTINET = RowFormat(
    "fortinet-leases",
    "`execute dhcp lease-list` of FortiOS",
    re.compile(
        rf"\s*(?P<ip>{IPV4})\s+(?P<mac>{MAC})\b"
        r"(?:.*\s(?P<expiry>[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d \d{4}))?\s*$"
    ),
    mark=re.compile(r"^\s*IP\s+MAC-Address\s+Hostname\s", re.M),
    half=re.compile(rf"\s*{IPV4}\s"),
    kind=Kind.DHCP,
    event="lease",
    seen=lambda row, context: _fortinet(row, context) if row["expiry"] else context.modified,
)

# rows of dnsmasq's lease file kept with a time in front, perhaps as comments
HISTORY = RowFormat(
    "lease-history",
    "dated lease rows: time, MAC address, address, name",
    re.compile(
        r"[#\s]*(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:Z|[+-]\d\d:?\d\d)?)\s+"
        rf"(?P<mac>{MAC})\s+(?P<ip>{IPV4})\s+\S+(?:\s+\S+)?\s*$"
    ),
    kind=Kind.DHCP,
    event="lease",
    seen=_history,
)

UDHCPD = RowFormat(
    "dumpleases",
    "`dumpleases` of BusyBox udhcpd",
    re.compile(rf"\s*(?P<mac>{MAC})\s+(?P<ip>{IPV4})\s"),
    mark=re.compile(r"^\s*Mac Address\s+IP Address\s+Host Name\s+Expires", re.M | re.I),
    kind=Kind.DHCP,
    event="lease",
    seen=when_changed,
)

ROUTEROS = RowFormat(
    "routeros-leases",
    "`/ip dhcp-server lease print terse` of RouterOS",
    # its own words come before what the client sends (host-name, class-id)
    re.compile(
        rf"\s*\d+ [A-Z ]*\s*(?:comment=.*? )?address=(?P<ip>{IPV4}) (?:mac-address=(?P<mac>{MAC}))"
        r"(?! interface=)"
    ),
    kind=Kind.DHCP,
    event="lease",
)

FORMATS = (DNSMASQ, FORTINET, HISTORY, UDHCPD, ROUTEROS)

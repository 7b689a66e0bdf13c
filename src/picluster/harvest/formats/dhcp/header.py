"""Split a line of a log into time, program and message."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

from picluster.harvest.formats.dhcp.clock import ISO_TIME, SYSLOG_TIME, Clock, epoch
from picluster.harvest.formats.rows import unquoted

# Only the first or second word after the time can be the program: what other programs print
# ("sshd[7]: Invalid user x: dhcpd: DHCPACK on …") is never taken for dhcpd's word.
_HEADER = re.compile(
    r"\s*(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} (?=\d{4}-|[A-Z][a-z]{2} ))?\[?"
    r"(?:(?P<first>\d{4}) (?=[A-Z][a-z]{2} [ \d]\d \d\d:))?"
    rf"(?:(?:(?P<syslog>{SYSLOG_TIME})|(?P<dated>[A-Z][a-z]{{2}} [ \d]\d \d{{4}} [\d:]{{8}})"
    rf"|(?P<iso>{ISO_TIME})|(?P<unix>\d{{9,11}}\.\d{{1,9}})|\d\d:\d\d:\d\d(?:\.\d{{1,9}})?)"
    r"(?: (?P<year>\d{4}))?\]?(?: [A-Z]{3,5}(?= \S+ \S+:))?[ \t]+)?"
    r"(?:\S{1,255} ){0,2}?(?P<program>[^\s\[\]:]{1,64})(?:\[\d+\])?: ?(?P<message>.*)",
    re.S,
)
# what `docker compose logs` puts before each line
_CONTAINER = re.compile(r"\s*[\w.-]{1,128}\s+\| ")
# the tables of web interfaces: the program's name and number are cells
_CELLS = re.compile(
    rf"\s*(?:(?P<syslog>{SYSLOG_TIME})|(?P<iso>{ISO_TIME}))\s+(?:[A-Z][a-z]{{3,15}}\s+)?"
    r"(?P<program>dhcpd|dnsmasq-dhcp|kea-dhcp4)\s+(?:\d{1,7}\s+)?(?P<message>[A-Z].*)",
    re.S,
)
_TAG = re.compile(r" (?!\d{4} )(?:\S+ ){0,2}?(?P<program>[^\s\[\]:]{1,64})(?:\[\d+\])?")
_TAG_LIMIT = 300
_RFC5424 = re.compile(
    r"\s*<\d{1,3}>1 (?P<iso>\S+) \S+ (?P<program>\S+) \S+ \S+ "
    r"(?:-|(?:\[(?:[^\]\\]|\\.)*\])+) ?(?:\ufeff)?(?P<message>.*)",
    re.S,
)
_KEA = re.compile(
    rf"\s*(?P<iso>{ISO_TIME}) +(?:DEBUG|INFO|WARN|ERROR|FATAL) +"
    r"\[kea-dhcp4[^\]]*\] (?P<message>.*)",
    re.S,
)
_BARE = re.compile(
    rf"\s*(?:\[?(?P<iso>{ISO_TIME})\]?\s+)?(?P<message>(?:DHCP|BOOT)[A-Z]{{3,8}}"
    r"(?:(?P<paren>\([^()\s]*\)) | (?:from|on|for|of|to) ).*)",
    re.S,
)

Entry = tuple[str, str, datetime | None]
"""Program, message, time."""


def split(line: str, clock: Clock) -> Entry | None:
    """Give program, message and time of a line, or ``None`` when it has no such form.

    Takes classic syslog with and without host and process id, the forms of ``journalctl`` in
    text (short, iso, precise, full, unix, cat), RFC 5424, OpenWrt's logread and Kea's own log.
    """
    line = line.replace("\xa0", " ").rstrip()
    quick = _quick(line, clock)
    if quick is not None:
        return quick
    line = unquoted(line)
    if "|" in line and (container := _CONTAINER.match(line)):
        line = line[container.end() :]
    if "[kea-dhcp4" in line:
        kea = _KEA.match(line)
        if kea is not None:
            return "kea-dhcp4", kea["message"], clock.iso(kea["iso"])
    found = _RFC5424.match(line)
    if found is not None:
        return _program(found["program"]), found["message"], clock.iso(found["iso"])
    # before the header: the first octet of a MAC address would pass for a program's name
    bare = _BARE.match(line)
    if bare is not None:
        when = clock.iso(bare["iso"]) if bare["iso"] else None
        return ("dnsmasq-dhcp" if bare["paren"] else "dhcpd"), bare["message"], when
    found = _CELLS.match(line) or _HEADER.match(line)
    if found is None:
        return None
    return _program(found["program"]), found["message"], _time(found.groupdict(), clock)


def _time(parts: dict[str, str | None], clock: Clock) -> datetime | None:
    if syslog := parts["syslog"]:
        return clock.syslog(syslog, parts.get("year") or parts.get("first"))
    if dated := parts.get("dated"):
        return clock.syslog(f"{dated[:6]}{dated[11:]}", dated[7:11])
    if iso := parts["iso"]:
        return clock.iso(iso)
    unix = parts.get("unix")
    return epoch(float(unix)) if unix else None


def _quick(line: str, clock: Clock) -> Entry | None:
    """The two common forms, with the words before the message known from earlier lines."""
    if line[9:10] == ":" == line[12:13]:
        at = 15
    elif line[10:11] == "T":
        at = line.find(" ", 19, 40)
    else:
        return None
    end = line.find(": ", at, at + _TAG_LIMIT)
    program = _tag(line[at:end]) if 0 < at < end else None
    when = (clock.syslog if at == 15 else clock.iso)(line[:at]) if program else None
    return (program, line[end + 2 :], when) if program and when else None


@lru_cache(maxsize=1024)
def _tag(words: str) -> str | None:
    found = _TAG.fullmatch(words)
    return _program(found["program"]) if found else None


def has_time(line: str) -> bool:
    """Whether a line begins like a log's: a time, perhaps a host, a program."""
    found = _HEADER.match(line)
    if found is not None:
        return any(found.group("syslog", "dated", "iso", "unix"))
    return _RFC5424.match(line) is not None or _KEA.match(line) is not None


def _program(tag: str) -> str:
    return tag.strip("*").rpartition("/")[2]

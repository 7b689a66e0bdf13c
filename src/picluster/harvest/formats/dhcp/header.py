"""Split a line of a log into time, program and message."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

from picluster.harvest.formats.dhcp.clock import ISO_TIME, SYSLOG_TIME, Clock, epoch

# Only the first or second word after the time can be the program: what other programs print
# ("sshd[7]: Invalid user x: dhcpd: DHCPACK on …") is never taken for dhcpd's word.
_HEADER = re.compile(
    r"\s*(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} (?=\d{4}-|[A-Z][a-z]{2} ))?"
    rf"(?:(?:(?P<syslog>{SYSLOG_TIME})|(?P<iso>{ISO_TIME})|(?P<unix>\d{{9,11}}\.\d{{1,9}}))"
    r"(?: (?P<year>\d{4}))?(?: [A-Z]{3,5}(?= \S+ \S+:))? )?"
    r"(?:\S{1,255} ){0,2}?(?P<program>[^\s\[\]:]{1,64})(?:\[\d+\])?: ?(?P<message>.*)",
    re.S,
)
_TAG = re.compile(r" (?:\S+ ){0,2}?(?P<program>[^\s\[\]:]{1,64})(?:\[\d+\])?")
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
_BARE = re.compile(r"\s*(?P<message>(?:DHCP|BOOT)[A-Z]{3,8}(?P<paren>\(\S*\))? .*)", re.S)

Entry = tuple[str, str, datetime | None]
"""Program, message, time."""


def split(line: str, clock: Clock) -> Entry | None:
    """Give program, message and time of a line, or ``None`` when it has no such form.

    Takes classic syslog with and without host and process id, the forms of ``journalctl`` in
    text (short, iso, precise, full, unix, cat), RFC 5424, OpenWrt's logread and Kea's own log.
    """
    quick = _quick(line, clock)
    if quick is not None:
        return quick
    if "[kea-dhcp4" in line:
        kea = _KEA.match(line)
        if kea is not None:
            return "kea-dhcp4", kea["message"], clock.iso(kea["iso"])
    found = _RFC5424.match(line)
    if found is not None:
        return _program(found["program"]), found["message"], clock.iso(found["iso"])
    found = _HEADER.match(line)
    if found is None:
        bare = _BARE.match(line)
        if bare is not None:
            return ("dnsmasq-dhcp" if bare["paren"] else "dhcpd"), bare["message"], None
        return None
    _, iso, unix = times = found.group("syslog", "iso", "unix")
    if times[0]:
        when = clock.syslog(times[0], found["year"])
    elif iso:
        when = clock.iso(iso)
    else:
        when = epoch(float(unix)) if unix else None
    return _program(found["program"]), found["message"], when


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
        return any(found.group("syslog", "iso", "unix"))
    return _RFC5424.match(line) is not None or _KEA.match(line) is not None


def _program(tag: str) -> str:
    return tag.strip("*").rpartition("/")[2]

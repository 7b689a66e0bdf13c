"""Logs of DHCP and TFTP servers: syslog text and journald's JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from picluster.errors import PiclusterError, refusal, shown
from picluster.harvest.formats import tftp
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.dhcp import dnsmasq, isc, kea
from picluster.harvest.formats.dhcp.clock import Clock, epoch
from picluster.harvest.formats.dhcp.header import has_time, split
from picluster.harvest.formats.dhcp.reader import Boards
from picluster.harvest.formats.rows import or_refuse, unquoted, unquoted_head
from picluster.harvest.observation import Fact

Reader = Callable[[str, "int | None", "datetime | None", Boards], "tuple[Fact, ...]"]

_READERS: dict[str, Reader] = {
    "dhcpd": isc.facts,
    "dhcpd3": isc.facts,
    "isc-dhcpd": isc.facts,
    "dnsmasq": dnsmasq.facts,
    "dnsmasq-dhcp": dnsmasq.facts,
    "dnsmasq-tftp": tftp.facts,
    "in.tftpd": tftp.facts,
    "tftpd": tftp.facts,
    "tftpd-hpa": tftp.facts,
    "atftpd": tftp.facts,
    "kea-dhcp4": kea.facts,
}
#: A server's container or wrapper, whose name somebody chose, and what only a server says.
_SERVER_NAME = re.compile(r"(?!dhcpcd|dhcp-?client).*(?:dhcp|dnsmasq|pi-?hole)", re.I)
_DNSMASQ_SAYS = re.compile(r"(?:\d{1,10} )?DHCP[A-Z]{3,8}\([^()\s]{1,32}\) ")
_DHCPD_SAYS = re.compile(r"(?:DHCP|BOOT)[A-Z]{3,8} (?:from|on|for|of|to) .{0,300} via \S")
_PROGRAM = ("CONTAINER_NAME", "SYSLOG_IDENTIFIER", "_COMM")
_SAMPLE = 200
_NAMES = 6
_FOREWORD = 20
_CUT = 64 * 1024
_JOURNAL = re.compile(r"(?:data: |\x1e)?\{.*\"(?:__REALTIME_TIMESTAMP|__CURSOR|MESSAGE)\"\s*:")


def _reader(program: str, message: str) -> Reader | None:
    """Who reads a program's message."""
    known = _READERS.get(program)
    if known is None and "DHCP" in message[:16] and _SERVER_NAME.match(program):
        if _DNSMASQ_SAYS.match(message):
            return dnsmasq.facts
        if _DHCPD_SAYS.match(message):
            return isc.facts
    return known


def _nothing(programs: Iterable[str], context: Context) -> PiclusterError:
    names = ", ".join(shown(name) for name in programs) or "none"
    return refusal(
        f"holds no DHCP message and no boot file request of a board (programs: {names})",
        "give the log of a DHCP server from a time when boards booted",
        file=context.source,
    )


@dataclass(slots=True)
class SyslogText:
    """Syslog, ``journalctl`` as text, and the servers' own logs."""

    name: str = "log"
    title: str = "log of dhcpd, dnsmasq, Kea or a TFTP server: syslog or journalctl text"
    streams: bool = True

    def matches(self, head: str) -> bool:
        """Whether a server's line is among the first, or half of them are a log's."""
        lines = [line for line in head.splitlines() if line.strip()][: 5 * _SAMPLE]
        # any clock will do: only the form counts
        clock = Clock(Context("", datetime.fromtimestamp(0).astimezone()))
        for line in lines:
            entry = split(line, clock) if _may_matter(line) else None
            if entry is not None and _reader(*entry[:2]) is not None:
                return True
        sample = lines[:_SAMPLE]
        return bool(sample) and 2 * sum(map(has_time, sample)) >= len(sample)

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield facts line by line.

        Raises:
            PiclusterError: at the end, when there was none.
        """
        programs: dict[str, None] = {}
        facts = self._facts(lines, context, programs)
        return or_refuse(facts, lambda: _nothing(programs, context))

    def _facts(
        self, lines: Iterable[Line], context: Context, programs: dict[str, None]
    ) -> Iterator[Fact]:
        clock, boards = Clock(context), Boards(context)
        for number, text in lines:
            if not _may_matter(text):
                if number < _SAMPLE:
                    _look_around(text, clock, programs)
                continue
            entry = split(text, clock)
            if entry is None:
                continue
            reader = _reader(*entry[:2])
            if reader is not None:
                yield from reader(entry[1], number, entry[2], boards)
            if number < _SAMPLE:
                programs[entry[0]] = None


def _look_around(text: str, clock: Clock, programs: dict[str, None]) -> None:
    """Note what a first line of no interest tells: the log's end, a program's name."""
    if "-- " in text[:24] and clock.journal(unquoted(text)):
        return
    entry = split(text, clock)
    if entry is not None and len(programs) < _NAMES:
        programs[entry[0]] = None


def _may_matter(text: str) -> bool:
    """A cheap first look: every server has it in its name or in its message."""
    return "dhcp" in text or "DHCP" in text or "tftp" in text or "dnsmasq" in text


@dataclass(slots=True)
class JournalJson:
    """``journalctl -o json``: one object a line.

    Attributes:
        name: see Format.
        title: see Format.
        streams: see Format.
        live: the text is a running ``journalctl -f``: its last line may be cut by its end, and
            it may hold nothing.
    """

    name: str = "journal-json"
    title: str = "`journalctl -o json` of the same servers"
    streams: bool = True
    live: bool = False

    def matches(self, head: str) -> bool:
        """Whether one of the first lines is an entry of a journal."""
        return any(map(_JOURNAL.match, unquoted_head(head).splitlines()[:_FOREWORD]))

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield facts entry by entry.

        Raises:
            PiclusterError: a line that is no JSON object, with its number.
        """
        programs: dict[str, None] = {}
        facts = self._facts(lines, context, programs)
        return facts if self.live else or_refuse(facts, lambda: _nothing(programs, context))

    def _facts(
        self, lines: Iterable[Line], context: Context, programs: dict[str, None]
    ) -> Iterator[Fact]:
        boards = Boards(context)
        broken: Line | None = None
        for number, text in lines:
            if broken is not None:
                raise _half(broken, context)
            line = unquoted(text).removeprefix("data: ").strip(" \t\x1e")
            if line[:1] != "{" and number <= _FOREWORD and not programs:
                continue  # what was written above the journal
            if not line or len(text) >= _CUT:
                continue  # the reading has told of what it cut
            entry = _entry(line)
            if entry is None:
                broken = (number, text)
                continue
            program = _text(next((v for key in _PROGRAM if (v := entry.get(key))), ""))
            if len(programs) < _NAMES:
                programs[program] = None
            message = _text(entry.get("MESSAGE"))
            reader = _reader(program, message)
            if reader is not None:
                yield from reader(message, number, _time(entry), boards)
        if broken is not None:
            if not self.live:
                raise _half(broken, context)
            yield boards.note("the stream ended within a line", broken[0])


def _half(line: Line, context: Context) -> PiclusterError:
    return refusal(
        f"not a whole JSON object: {shown(line[1])}",
        "write the journal again, or remove the line",
        file=context.source,
        line=line[0],
    )


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _text(value: Any) -> str:
    """A field as text; journald writes one that is not UTF-8 as a list of bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        try:
            return bytes(value).decode("utf-8", "replace")
        except (TypeError, ValueError):
            return _text(value[-1]) if value and isinstance(value[-1], str) else ""
    return ""


def _time(entry: dict[str, Any]) -> datetime | None:
    for key in ("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"):
        stamp = entry.get(key)
        if isinstance(stamp, str) and stamp.isascii() and stamp.isdigit() and len(stamp) < 20:
            return epoch(int(stamp) / 1_000_000)
    return None


FORMATS = (SyslogText(), JournalJson())

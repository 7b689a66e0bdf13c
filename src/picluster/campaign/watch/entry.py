"""A line of a log: who wrote it, when, what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from picluster.campaign.watch.signal import Refused
from picluster.harvest.formats.base import Context
from picluster.harvest.formats.dhcp.clock import Clock
from picluster.harvest.formats.dhcp.header import split

#: Units whose word is taken. A line that another unit writes under their program's name is forged.
UNITS = (
    "isc-dhcp-server.service",
    "dhcpd.service",
    "kea-dhcp4-server.service",
    "kea-dhcp4.service",
    "dnsmasq.service",
    "tftpd-hpa.service",
    "tftp.service",
    "atftpd.service",
    "nfs-mountd.service",
    "nfs-ganesha.service",
    "picluster-messages.service",
    "picluster-authority.service",
)
_UNITS = frozenset(UNITS)
#: Programs with a process for each request: one that has ended when journald looks for its unit
#: leaves a line without one. On a busy server that was every seventh.
SHORT_LIVED = ("in.tftpd", "atftpd")
#: Fields a reader of the journal asks for.
FIELDS = (
    "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_UID,_COMM,_SYSTEMD_UNIT,_BOOT_ID,"
    "_SOURCE_REALTIME_TIMESTAMP"
)
_PID = re.compile(r"\[(\d{1,10})\]: ")
_REPEATED = re.compile(r"message repeated (\d{1,6}) times: \[ ?(.*)\]$", re.S)
_REPEATS = 10
_GANESHA = re.compile(
    r"(\d\d)/(\d\d)/(\d{4}) (\d\d:\d\d:\d\d) : epoch [0-9a-f]+ : \S+ : "
    r"(ganesha\.nfsd)-(\d+)\[[^\]]*\] (.*)",
    re.S,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line.

    Attributes:
        program: who wrote it.
        message: what, without header.
        pid: process id, or empty.
        wall: when, seconds since 1970; ``None`` where the line does not say.
        monotonic: when, seconds of the clock of the machine's run named by :attr:`boot`.
        boot: id of that run of the machine, or empty.
    """

    program: str
    message: str
    pid: str = ""
    wall: float | None = None
    monotonic: float | None = None
    boot: str = ""


class TextEntries:
    """Reads lines of syslog, of ``journalctl`` in text, and of nfs-ganesha's own log.

    Args:
        now: present time, aware; gives the year to stamps that have none.
    """

    def __init__(self, now: datetime) -> None:
        offset = now.utcoffset() or timedelta()
        self._clock = Clock(Context("", now, int(offset.total_seconds())))

    def read(self, line: str) -> Iterator[Entry]:
        """The entry of a line; several for one that counts repetitions, none for other text."""
        ganesha = _GANESHA.match(line)
        if ganesha is not None:
            day, month, year, clock, program, pid, message = ganesha.groups()
            when = self._clock.iso(f"{year}-{month}-{day}T{clock}")
            yield Entry(program, message, pid, when.timestamp() if when else None)
            return
        parts = split(line, self._clock)
        if parts is None:
            return
        program, message, when = parts
        wall = when.timestamp() if when else None
        pid = _PID.search(line[: len(line) - len(message)])
        entry = Entry(program, message, pid[1] if pid else "", wall)
        repeated = _REPEATED.match(message)
        if repeated is None:
            yield entry
            return
        for _ in range(min(int(repeated[1]), _REPEATS)):
            yield Entry(program, repeated[2], entry.pid, wall)


class JournalEntries:
    """Reads lines of ``journalctl -o json``.

    A line is believed when its unit is a daemon's, which journald vouches for. Of a short-lived
    process it may know the user only: that has to be the one such processes of the daemon had
    before, and not root, whose name anything runs under.
    """

    def __init__(self) -> None:
        self._users: dict[str, str] = {}

    def read(self, line: str) -> tuple[Entry | Refused | None, str]:
        """Read a line.

        Returns:
            The entry, or why it is not believed, or ``None`` for what is no entry; and its cursor.
        """
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            return Refused("broken journal entry"), ""
        if not isinstance(fields, dict):
            return Refused("broken journal entry"), ""
        cursor = _word(fields, "__CURSOR")
        program = _word(fields, "SYSLOG_IDENTIFIER") or _word(fields, "_COMM")
        if program in ("systemd", "kernel") and _word(fields, "_PID") in ("1", ""):
            return None, cursor
        if not self._vouched(program, fields):
            return Refused("line of another unit"), cursor
        entry = Entry(
            program,
            _text(fields.get("MESSAGE")),
            _word(fields, "SYSLOG_PID") or _word(fields, "_PID"),
            _micro(fields, "_SOURCE_REALTIME_TIMESTAMP") or _micro(fields, "__REALTIME_TIMESTAMP"),
            _micro(fields, "__MONOTONIC_TIMESTAMP"),
            _word(fields, "_BOOT_ID"),
        )
        return entry, cursor

    def _vouched(self, program: str, fields: dict[str, Any]) -> bool:
        unit, user = _word(fields, "_SYSTEMD_UNIT"), _word(fields, "_UID")
        if unit in _UNITS:
            if program in SHORT_LIVED and user not in ("", "0"):
                self._users[program] = user
            return True
        return not unit and program in SHORT_LIVED and self._users.get(program, "") == user != ""


def _word(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _text(value: Any) -> str:
    """A field as text; journald writes one that is not UTF-8 as a list of bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        try:
            return bytes(value).decode("utf-8", "replace")
        except (TypeError, ValueError):
            return ""
    return ""


def _micro(fields: dict[str, Any], key: str) -> float | None:
    value = fields.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value) / 1e6
    return None

"""Lines of TFTP servers: tftpd-hpa, atftpd, dnsmasq.

The path is the client's word and may hold anything, also what looks like the rest of a line; the
address is the server's word. A server logs an aborted read of a healthy boot as an error.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator

from picluster.campaign.events import Sign
from picluster.campaign.watch.entry import Entry
from picluster.campaign.watch.signal import Refused, Signal, printable
from picluster.harvest.formats.rows import IPV4, ipv4

PROGRAMS = frozenset({"in.tftpd", "tftpd", "tftpd-hpa", "atftpd", "dnsmasq-tftp"})

_IP = rf"(?:::ffff:)?({IPV4})"
_HPA = re.compile(rf"RRQ from {_IP} filename (.*)", re.S)
_HPA_NAK = re.compile(rf"sending NAK \((\d{{1,3}}), .{{0,80}}\) to {_IP}$", re.S)
_ATFTPD = re.compile(rf"Serving (.*) to {_IP}:\d{{1,5}}$", re.S)
_SENT = re.compile(rf"(?:sent|failed sending) (.*) to {_IP}$", re.S)
_TIMED_OUT = re.compile(rf"(?:timeout|timed out) sending (.*) to {_IP}$", re.S)
_NOT_FOUND = re.compile(rf"file (.*) not found(?: for {_IP})?$", re.S)
_ERROR = re.compile(rf"error \d{{1,3}} .{{0,80}} received from {_IP}$", re.S)
_OTHER_TONGUE = re.compile(rf"(?:\S+ ){{0,2}}(/\S+) .{{0,40}}?{_IP}", re.S)
_REMAPPED = " remapped to "
_NOT_THERE = "1"
_PATH = 100
_PROCESSES = 4096


class TftpLines:
    """Reads them; joins tftpd-hpa's refusals to their request by process id."""

    def __init__(self) -> None:
        self._asked: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._last_address: str | None = None

    def read(self, entry: Entry) -> Iterator[Signal | Refused]:
        """What a line says; nothing for one that names no request."""
        message = entry.message.rstrip("\n")
        asked = _HPA.match(message)
        if asked is not None:
            path = asked[2].partition(_REMAPPED)[0]
            self._remember(entry.pid, asked[1], path)
            yield from _signal(Sign.FILE, asked[1], path)
        elif nak := _HPA_NAK.match(message):
            asked_for = self._asked.pop((entry.pid, nak[2]), "")
            sign = Sign.MISSING if nak[1] == _NOT_THERE else Sign.STALLED
            if asked_for:
                yield from _signal(sign, nak[2], asked_for)
        elif served := _ATFTPD.match(message):
            yield from _signal(Sign.FILE, served[2], served[1])
        else:
            yield from self._dnsmasq(message)

    def _remember(self, pid: str, address: str, path: str) -> None:
        if len(self._asked) >= _PROCESSES:
            self._asked.popitem(last=False)
        self._asked[pid, address] = path

    def _dnsmasq(self, message: str) -> Iterator[Signal | Refused]:
        if sent := _SENT.match(message):
            self._last_address = sent[2]
            yield from _signal(Sign.FILE, sent[2], sent[1])
        elif late := _TIMED_OUT.match(message):
            yield from _signal(Sign.STALLED, late[2], late[1])
        elif gone := _NOT_FOUND.match(message):
            # older versions do not say who asked
            if gone[2]:
                yield from _signal(Sign.MISSING, gone[2], gone[1])
        elif _ERROR.match(message) is None and (found := _OTHER_TONGUE.match(message)):
            yield from _signal(Sign.FILE, found[2], found[1])


def _signal(sign: Sign, address: str, path: str) -> Iterator[Signal | Refused]:
    host = ipv4(address)
    if host is None:
        yield Refused("TFTP line without an address")
        return
    yield Signal(sign, address=host, detail=printable(_short(path), _PATH))


def _short(path: str) -> str:
    """The last two names: file, and folder where it may be a serial's."""
    parts = path.strip().rsplit("/", 2)
    if len(parts) > 1 and re.fullmatch(r"[0-9a-f]{8}", parts[-2]):
        return f"{parts[-2]}/{parts[-1]}"
    return parts[-1]

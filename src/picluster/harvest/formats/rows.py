"""Formats whose every row holds a MAC address and, mostly, an IPv4 address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address

from picluster.errors import PiclusterError, shown
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import MacAddress, parse_mac

#: A MAC address of six two-digit octets, and one that ends where it seems to end.
MAC = r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![0-9A-Za-z:-])"
#: What looks like an IPv4 address; :func:`ipv4` decides.
IPV4 = r"\d{1,3}(?:\.\d{1,3}){3}"

_CACHED = 70_000  # more than a /16 has addresses
_IP_GROUPS = re.compile(
    r"(?:0?1[:-]0?0[:-]5e|33[:-]33|0100[.-]5e|3333[.-]|ff[:-]ff[:-]ff[:-]ff[:-]ff[:-]ff"
    r"|ffff[.-]ffff[.-]ffff)",
    re.I,
)
_QUOTED = re.compile(r"[\s>]*>\s[|`*]*|\s*[|`*]+\s*(?=\S)|[\s\xa0\u200b]+")
_ENDS = " \t\r\xa0\u200b`"
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def unquoted(text: str) -> str:
    """A line without what mails, web pages and terminals put around it: quote marks, colours."""
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    if "\xa0" in text:
        text = text.replace("\xa0", " ")
    if text[:1] in " >|`*\t\u200b" and (mark := _QUOTED.match(text)):
        text = text[mark.end() :]
    return text.rstrip(_ENDS)


def unmarked(text: str) -> str:
    """:func:`unquoted` of a line that a mail quotes; others keep their indentation."""
    return unquoted(text) if text[:1] in (">", "|", "`") else text.replace("\xa0", " ")


def ip_group(mac: str) -> bool:
    """Whether a MAC address as printed is one of IP multicast or broadcast: nobody's."""
    return _IP_GROUPS.match(mac) is not None


@lru_cache(maxsize=4)
def unquoted_head(head: str) -> str:
    """:func:`unquoted` of every line: every format asks it of the same head."""
    return "\n".join(map(unquoted, head.splitlines()))


@lru_cache(maxsize=_CACHED)
def ipv4(text: str | None) -> str | None:
    """The address of one host as a dotted quad; ``None`` for anything else, 0.0.0.0 included."""
    try:
        address = IPv4Address(text or "")
    except AddressValueError:
        return None
    if address.is_unspecified or address.is_multicast or int(address) == 2**32 - 1:
        return None
    return str(address)


@lru_cache(maxsize=_CACHED)
def known_mac(text: str) -> MacAddress | str:
    """A canonical MAC address, or the reason why it is none (holding a blank)."""
    try:
        return parse_mac(text)
    except ValueError as error:
        return str(error)


def is_reason(mac: MacAddress | str) -> bool:
    """Whether :func:`known_mac` gave a reason."""
    return " " in mac


def or_refuse(facts: Iterable[Fact], nothing: Callable[[], PiclusterError]) -> Iterator[Fact]:
    """Hand facts on, and raise an error at the end when there was none."""
    some = False
    for fact in facts:
        some = True
        yield fact
    if not some:
        raise nothing()


Seen = Callable[["re.Match[str]", Context], datetime | None]
"""When a row was seen."""


def when_changed(_row: re.Match[str], context: Context) -> datetime | None:
    """A table without times was true when its file was written."""
    return context.modified


@dataclass(slots=True)
class RowFormat:
    """A table read row by row; other lines are of no interest.

    Attributes:
        name: see :class:`~picluster.harvest.formats.base.Format`.
        title: the same.
        row: matches a row from its start; groups ``mac`` and, when present, ``ip``.
        mark: found in the head of such a text; ``None`` takes any row for it.
        never: found in the head of other texts that have such rows.
        half: matches a row that was understood and has no usable MAC address.
        kind: kind of the observations.
        event: their event.
        seen: gives their time.
        streams: see Format.
    """

    name: str
    title: str
    row: re.Pattern[str]
    mark: re.Pattern[str] | None = None
    never: re.Pattern[str] | None = None
    half: re.Pattern[str] | None = None
    kind: Kind = Kind.NEIGHBOUR
    event: str = ""
    seen: Seen = when_changed
    streams: bool = True

    def matches(self, head: str) -> bool:
        """Whether the head has the mark, or a row."""
        head = unquoted_head(head)
        if self.never is not None and self.never.search(head):
            return False
        if self.mark is not None:
            return self.mark.search(head) is not None
        return any(self.row.match(line) for line in head.splitlines())

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per row, a remark per row with an impossible MAC address."""
        for number, raw in lines:
            text = unquoted(raw)
            row = self.row.match(text)
            if row is not None:
                fact = self._fact(row, number, context)
                if fact is not None:
                    yield fact
            elif self.half is not None and self.half.match(text):
                yield Remark(
                    f"row without a MAC address: {shown(text.strip())}", context.source, number
                )

    def _fact(self, row: re.Match[str], number: int, context: Context) -> Fact | None:
        mac = known_mac(row["mac"])
        if is_reason(mac):
            # IP multicast and broadcast rows stand in every table and are nobody's
            return None if ip_group(row["mac"]) else Remark(mac, context.source, number)
        groups = row.groupdict()
        return Observation(
            MacAddress(mac),
            self.kind,
            context.source,
            number,
            self.seen(row, context),
            address=ipv4(groups.get("ip")),
            event=self.event,
        )

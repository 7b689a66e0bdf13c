"""Beacons: ``hex(uuid.getnode())`` of Python, sent by UDP and printed by a receiver."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from picluster.errors import shown
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.dhcp.clock import ISO_TIME, Clock, epoch
from picluster.harvest.formats.rows import IPV4, ipv4
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import MacAddress, parse_mac

_LONGEST = 16
# hex() drops leading zeros, but every maker's prefix leaves at least seven digits
_HEX = r"0x[0-9a-f]{7,12}L?"
_PAYLOAD = re.compile(rf"({_HEX})(?:\r?\n|\0)?", re.I)

_ADDRESS = rf"(?P<ip>{IPV4})(?:(?::|', |, | )\d{{1,5}})?"
_TIME = rf"(?:(?P<iso>{ISO_TIME})|(?P<unix>\d{{9,11}}(?:\.\d{{1,9}})?)|\d\d:\d\d:\d\d(?:\.\d+)?)"
_BEFORE = (
    rf"[(\[]?(?:{_TIME}[\])]?[:,]?\s+)?(?:(?:received|from|message|beacon)(?: message)?:?\s+)?"
)
_TOKEN = rf"b?['\"]?(?P<hex>{_HEX})(?:\\n|\\x00|\\r\\n)?['\"]?"
_LINES = (
    re.compile(
        rf"\s*{_BEFORE}(?:\(?'?{_ADDRESS}'?(?:, \d{{1,5}})?\)?[:,]?"
        rf"(?:\s+(?:sent|->|said|message:?))?\s+)?{_TOKEN}\)?\s*$",
        re.I,
    ),
    re.compile(
        rf"\s*{_BEFORE}{_TOKEN},?\s+(?:from:?\s+)?\(?'?{_ADDRESS}'?(?:, \d{{1,5}})?\){{0,2}}\s*$",
        re.I,
    ),
)


def parse_beacon(payload: bytes) -> MacAddress:
    """Read the payload of a beacon.

    Args:
        payload: ``0xb827eb123456``, at most 16 bytes of ASCII; a newline or NUL may end it, and
            the ``L`` of Python 2.

    Returns:
        The sender's MAC address.

    Raises:
        ValueError: anything else, or an address no board can own.
    """
    if len(payload) > _LONGEST or not payload.isascii():
        raise ValueError(f"not a beacon: {shown(payload)}")
    found = _PAYLOAD.fullmatch(payload.decode("ascii"))
    if found is None:
        raise ValueError(f"not a beacon: {shown(payload)}")
    return _mac(found[1])


def _mac(digits: str) -> MacAddress:
    return parse_mac("0x" + digits[2:].rstrip("Ll").zfill(12))


@dataclass(slots=True)
class Beacons:
    """What a receiver wrote: a beacon a line, with or without time and sender."""

    name: str = "beacon"
    title: str = "beacons 0xb827eb123456 as received, a line each"
    streams: bool = True

    def matches(self, head: str) -> bool:
        """Whether a line is a beacon and nothing else."""
        return any(_match(line) for line in head.splitlines())

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per beacon, a remark per line that holds another thing."""
        clock = Clock(context)
        for number, text in lines:
            found = _match(text)
            if found is None:
                if text.strip():
                    yield Remark(f"no beacon: {shown(text.strip())}", context.source, number)
                continue
            try:
                mac = _mac(found["hex"])
            except ValueError as error:
                yield Remark(str(error), context.source, number)
                continue
            yield Observation(
                mac,
                Kind.BEACON,
                context.source,
                number,
                _seen(found, clock, context),
                address=ipv4(found["ip"]),
            )


def _match(text: str) -> re.Match[str] | None:
    if "0x" not in text and "0X" not in text:
        return None
    return _LINES[0].match(text[:200]) or _LINES[1].match(text[:200])


def _seen(found: re.Match[str], clock: Clock, context: Context) -> datetime | None:
    if found["iso"]:
        return clock.iso(found["iso"])
    return epoch(float(found["unix"])) if found["unix"] else context.modified


FORMATS = (Beacons(),)

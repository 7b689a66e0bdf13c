"""ISC dhcpd's lease file, dhcpd.leases(5). Times are UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from picluster.errors import shown
from picluster.harvest.formats.base import Context, Line
from picluster.harvest.formats.dhcp.clock import epoch
from picluster.harvest.formats.rows import ipv4, is_reason, known_mac, unquoted, unquoted_head
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from picluster.mac import MacAddress

# strings escape quotes and newlines, so that a token never crosses a line
_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|[{};]|[^\s{};\"#]+|#.*|\"")
_MARK = re.compile(r"^\s*lease \d+\.\d+\.\d+\.\d+ \{", re.M)
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_WORDS = 64
_OPEN, _CLOSE = "{", "}"
_PUNCTUATION = frozenset("{};")


@dataclass(slots=True)
class _Block:
    line: int
    address: str
    mac: str | None = None
    state: str = ""
    times: dict[str, datetime | None] = field(default_factory=dict)

    def seen(self) -> datetime | None:
        """Time of the client's last message, else the start of the lease."""
        return self.times.get("cltt") or self.times.get("starts")


class LeasesIsc:
    """Blocks ``lease <address> { … }``; the file is a log, later blocks override."""

    name = "isc-leases"
    title = "dhcpd.leases of ISC dhcpd"
    streams = True

    def matches(self, head: str) -> bool:
        """Whether a lease begins in the head."""
        return _MARK.search(unquoted_head(head)) is not None

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield an observation per lease; abandoned and unfinished ones are remarks."""
        walk = _Walk()
        number = 0
        for number, text in lines:
            for token in _TOKEN.findall(unquoted(text)):
                if token.startswith("#"):
                    break
                block = walk.step(token, number)
                if block is not None:
                    yield _fact(block, number, context)
                if walk.cut:
                    what = f"the lease of {shown(walk.cut)} has no end"
                    yield Remark(what, context.source, number)
        if walk.block is not None:
            what = f"the file ends within the lease of {shown(walk.block.address)}"
            yield Remark(what, context.source, number)


class _Walk:
    """Where in the file one is: the lease and the statement begun.

    Attributes:
        block: the lease, or ``None`` between two.
        cut: address of the lease that the last token's lease cut short, or empty.
    """

    def __init__(self) -> None:
        self.block: _Block | None = None
        self.cut = ""
        self._words: list[str] = []
        self._depth = 0

    def step(self, token: str, number: int) -> _Block | None:
        """Take a token; gives a lease when it is whole."""
        self.cut = ""
        if token not in _PUNCTUATION:
            if len(self._words) >= _WORDS:
                del self._words[:-2]
            self._words.append(token)
            return None
        words, self._words = self._words, []
        if token == _OPEN:
            self._depth += 1
            # other text may stand before a lease, and an excerpt may end within one
            if words[-2:-1] == ["lease"] and _ADDRESS.fullmatch(words[-1]):
                self.cut = self.block.address if self.block else ""
                self._depth, self.block = 1, _Block(number, words[-1])
        elif token == _CLOSE:
            self._depth = max(0, self._depth - 1)
            if self._depth == 0:
                block, self.block = self.block, None
                return block
        elif self.block is not None and self._depth == 1:
            _statement(self.block, words)
        return None


def _statement(block: _Block, words: list[str]) -> None:
    match words:
        case ["hardware", "ethernet", mac]:
            block.mac = mac
        case ["binding", "state", state]:
            block.state = state
        case ["abandoned"]:
            block.state = "abandoned"
        case ["cltt" | "starts" as key, _, date, time]:
            block.times[key] = _utc(f"{date} {time}")
        case ["cltt" | "starts" as key, "epoch", seconds] if seconds.isdigit():
            block.times[key] = epoch(int(seconds[:12]))
        case _:
            pass


def _utc(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _fact(block: _Block, number: int, context: Context) -> Fact:
    if block.state == "abandoned":
        what = f"lease of {shown(block.address)[1:-1]} abandoned: the address was in use"
        return Remark(what, context.source, number)
    if block.mac is None:
        what = f"lease of {shown(block.address)[1:-1]} without a MAC address"
        return Remark(what, context.source, number)
    mac = known_mac(block.mac)
    if is_reason(mac):
        return Remark(mac, context.source, number)
    return Observation(
        MacAddress(mac),
        Kind.DHCP,
        context.source,
        block.line,
        block.seen(),
        address=ipv4(block.address),
        event="lease",
    )

"""A small telnet client: bounded, without options, made for devices that print short answers."""

from __future__ import annotations

import asyncio
import re

#: Much more than any outlet table.
MAX_RECEIVED = 64 * 1024

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240
_ECHO, _SUPPRESS_GO_AHEAD = 1, 3
_ACCEPTED = (_ECHO, _SUPPRESS_GO_AHEAD)


class TelnetFilter:
    """Takes the negotiation (RFC 854, RFC 855) out of what comes in, and answers it.

    The device may echo and suppress go-ahead; everything else is refused, each option once, so
    that two sides cannot go on answering each other.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._answered = set[tuple[int, int]]()

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take bytes in.

        Returns:
            The text among them, and the answer to send.
        """
        data, text, answer = self._rest + data, bytearray(), bytearray()
        place = 0
        while place < len(data):
            if data[place] != _IAC:
                text.append(data[place])
                place += 1
                continue
            length = _command_length(data, place)
            if length is None:
                break
            if data[place + 1] == _IAC:
                text.append(_IAC)
            elif length == 3:
                answer += self._answer(data[place + 1], data[place + 2])
            place += length
        # A subnegotiation without end must not be kept forever.
        self._rest = data[place:][:MAX_RECEIVED]
        return bytes(text), bytes(answer)

    def _answer(self, command: int, option: int) -> bytes:
        if (command, option) in self._answered or command not in (_DO, _WILL):
            return b""
        self._answered.add((command, option))
        if command == _DO:
            return bytes((_IAC, _WONT, option))
        return bytes((_IAC, _DO if option in _ACCEPTED else _DONT, option))


def _command_length(data: bytes, place: int) -> int | None:
    """Bytes of the command at ``place``; ``None`` while it is not complete."""
    if place + 1 >= len(data):
        return None
    command = data[place + 1]
    if command in (_DO, _DONT, _WILL, _WONT):
        return 3 if place + 2 < len(data) else None
    if command != _SB:
        return 2
    end = data.find(bytes((_IAC, _SE)), place + 2)
    return None if end < 0 else end + 2 - place


class FloodError(Exception):
    """The device sent more than any answer holds."""


class Telnet:
    """A telnet connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._filter = TelnetFilter()
        self._text = ""

    @classmethod
    async def open(cls, host: str, port: int) -> Telnet:
        """Connect.

        Raises:
            OSError: it cannot.
        """
        return cls(*await asyncio.open_connection(host, port, limit=MAX_RECEIVED))

    async def send(self, line: str) -> None:
        """Send a line; what came in before is forgotten."""
        self._text = ""
        # ASCII: a byte of 255 would begin a telnet command.
        self._writer.write(line.encode("ascii", "replace") + b"\r\n")
        await self._writer.drain()

    async def expect(self, *patterns: re.Pattern[str], quiet_s: float | None = None) -> int | None:
        """Read until one of the patterns is found in what came since the last line sent.

        Args:
            patterns: searched in order.
            quiet_s: give up after so many seconds in which nothing came.

        Returns:
            Index of the pattern, or ``None`` when it stayed quiet.

        Raises:
            ConnectionError: the device ended the connection.
            FloodError: more than :data:`MAX_RECEIVED` bytes came.
        """
        while True:
            for index, pattern in enumerate(patterns):
                if pattern.search(self._text):
                    return index
            try:
                async with asyncio.timeout(quiet_s):
                    data = await self._reader.read(4096)
            except TimeoutError:
                return None
            if not data:
                raise ConnectionResetError("ended")
            text, answer = self._filter.feed(data)
            if answer:
                self._writer.write(answer)
            self._text += text.decode("ascii", "replace").replace("\0", "")
            if len(self._text) > MAX_RECEIVED:
                raise FloodError

    @property
    def text(self) -> str:
        """What came since the last line sent."""
        return self._text

    def close(self) -> None:
        """End the connection at once."""
        self._writer.close()

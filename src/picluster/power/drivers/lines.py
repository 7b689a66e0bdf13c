"""Devices that answer a line with a line, by TCP: for drivers that need no more than this."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from picluster.harvest.live.attempt import Attempt
from picluster.power.drivers.context import dead, in_time, reason, within

#: Sends a line and gives the answer, both without their ends.
AskLine = Callable[[str], Awaitable[str]]

#: Longest line a device may send.
MAX_LINE = 4096


@asynccontextmanager
async def line_session(host: str, port: int, attempt: Attempt) -> AsyncIterator[AskLine]:
    """Connect, and close at the end.

    Every question has the attempt's time limit to itself.

    Args:
        host: IPv4 address.
        port: TCP port.
        attempt: the attempt the messages speak of.

    Raises:
        DeadPduError: no connection; each question, where the device ends the connection, sends
            too long a line or is too late.
    """
    try:
        opening = asyncio.open_connection(host, port, limit=MAX_LINE)
        reader, writer = await in_time(opening, attempt)
    except OSError as error:
        raise dead(attempt, reason(error), "check its address, port and power") from None

    async def ask(line: str) -> str:
        attempt.at(line)
        try:
            async with within(attempt):
                writer.write(f"{line}\r\n".encode("ascii", "replace"))
                await writer.drain()
                answer = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise dead(attempt, "a line without end", "check that it is the device") from None
        except (OSError, asyncio.IncompleteReadError):
            raise dead(attempt, "it ended the connection", "try it by hand with nc") from None
        return answer.decode("ascii", "replace").strip()

    try:
        yield ask
    finally:
        writer.close()

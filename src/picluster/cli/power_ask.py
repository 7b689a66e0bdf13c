"""Asking the person at the terminal, without holding up what runs beside."""

from __future__ import annotations

import asyncio
import sys

from picluster.power.drivers.context import Ask


def operator() -> Ask | None:
    """Asks the person at the terminal; ``None`` where nobody is there."""
    return _ask if sys.stdin.isatty() and sys.stderr.isatty() else None


_TURN: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}


async def _ask(question: str) -> str:
    loop = asyncio.get_running_loop()
    # One question at a time: several PDUs may need hands.
    async with _TURN.setdefault(loop, asyncio.Lock()):
        sys.stderr.write(question)
        sys.stderr.flush()
        answer: asyncio.Future[str] = loop.create_future()

        def read() -> None:
            if not answer.done():
                answer.set_result(sys.stdin.readline())

        loop.add_reader(sys.stdin, read)
        try:
            return (await answer).rstrip("\r\n")
        finally:
            loop.remove_reader(sys.stdin)

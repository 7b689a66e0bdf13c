"""Bounded HTTP for devices: no redirects, small answers, one message for whatever goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from yarl import URL

from picluster.harvest.live.attempt import Attempt
from picluster.power.drivers.context import dead, reason, within

#: Status pages of PDUs are smaller by far.
MAX_ANSWER = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: its status, and its body as text."""

    status: int
    text: str


class TooLongError(aiohttp.ClientError):
    """A body longer than :data:`MAX_ANSWER`."""


async def get(session: aiohttp.ClientSession, url: URL) -> Answer:
    """Ask for a page.

    Raises:
        aiohttp.ClientError: no answer, or one that is too long.
    """
    async with session.get(url, allow_redirects=False) as response:
        body = bytearray()
        async for chunk in response.content.iter_chunked(16384):
            body += chunk
            if len(body) > MAX_ANSWER:
                raise TooLongError(f"more than {MAX_ANSWER // 1024} KiB of answer")
        return Answer(response.status, body.decode("latin-1"))


@asynccontextmanager
async def guarded(attempt: Attempt) -> AsyncIterator[None]:
    """One time limit, and one message for everything that goes wrong on the line."""
    try:
        async with within(attempt):
            yield
    except aiohttp.ClientConnectorError as error:
        raise dead(attempt, reason(error.os_error), "check its address, port and power") from None
    except TooLongError as error:
        raise dead(attempt, str(error), "check that it is the PDU") from None
    except (aiohttp.ClientError, OSError):
        # Not the error's own words: they may quote the request, login included.
        what = "the connection broke or the answer is no HTTP"
        raise dead(attempt, what, "check that it is the PDU, and its web access") from None

"""Driver ``powerman``: outlets that a PowerMan daemon switches, by its own protocol.

PowerMan names every outlet; ``plug`` in the description says how, by default ``{pdu}-{outlet}``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress

from picluster.cluster.model import Pdu
from picluster.errors import shown
from picluster.harvest.live.attempt import Attempt
from picluster.net import dotted
from picluster.power.dialects import powerman
from picluster.power.driver import PowerSession, cycle_by_switching
from picluster.power.drivers.context import (
    Surroundings,
    attempt_at,
    dead,
    in_time,
    reason,
    within,
)
from picluster.power.drivers.verify import verify
from picluster.power.model import OutletState

_PORT = 10101
_LOOPBACK = "127.0.0.1"
_MAX_ANSWER = 4 * 1024 * 1024
_BY_HAND = "try it by hand: powerman -h HOST:PORT -x -q"


@asynccontextmanager
async def session(pdu: Pdu, around: Surroundings) -> AsyncIterator[PowerSession]:
    """Connect to the daemon; on this machine where no address is described."""
    del around
    host, port = _LOOPBACK if pdu.address is None else dotted(pdu.address), pdu.port or _PORT
    attempt = attempt_at(pdu, f"{host}:{port}")
    opened = _Session(pdu, attempt)
    try:
        async with opened.guarded():
            await opened.connect(host, port)
        yield opened
    finally:
        await opened.leave()


class _Session:
    """See :class:`~picluster.power.driver.PowerSession`."""

    def __init__(self, pdu: Pdu, attempt: Attempt) -> None:
        self._pdu = pdu
        self._attempt = attempt
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @asynccontextmanager
    async def guarded(self) -> AsyncIterator[None]:
        """One time limit, and one message for everything that goes wrong on the line."""
        attempt = self._attempt
        try:
            async with within(attempt):
                yield
        except (asyncio.IncompleteReadError, ConnectionResetError, BrokenPipeError):
            raise dead(attempt, "the daemon ended the session", _BY_HAND) from None
        except asyncio.LimitOverrunError:
            what = f"more than {_MAX_ANSWER // 2**20} MiB of answer"
            raise dead(attempt, what, _BY_HAND) from None
        except OSError as error:
            raise dead(
                attempt, reason(error), "check that powermand runs and listens there"
            ) from None

    async def connect(self, host: str, port: int) -> None:
        """Connect and have ranges of names spelled out."""
        self._stream = await in_time(
            asyncio.open_connection(host, port, limit=_MAX_ANSWER), self._attempt
        )
        self._attempt.at("wait for the prompt")
        first = powerman.answer_lines(await self._answer())
        if not any(code == 1 for code, _ in first):
            raise dead(self._attempt, "no PowerMan answers there", _BY_HAND)
        if not any("ON" in text for _, text in await self._ask("exprange")):
            # It toggles: a daemon that begins with it on has just been switched off.
            await self._ask("exprange")

    async def _ask(self, line: str) -> list[tuple[int, str]]:
        self._attempt.at(line)
        if self._stream is None:
            raise ConnectionResetError("not connected")
        self._stream[1].write(f"{line}\r\n".encode("ascii"))
        await self._stream[1].drain()
        return powerman.answer_lines(await self._answer())

    async def _answer(self) -> str:
        if self._stream is None:
            raise ConnectionResetError("not connected")
        data = await self._stream[0].readuntil(powerman.PROMPT.encode())
        return data.decode("ascii", "replace")

    async def status(self, outlets: Collection[int]) -> Mapping[int, OutletState]:
        """The outlets asked for; ``unknown`` where the daemon cannot reach them."""
        async with self.guarded():
            return await self._states(outlets)

    async def _states(self, outlets: Collection[int]) -> dict[int, OutletState]:
        plugs = {self._plug(outlet): outlet for outlet in outlets}
        lines = await self._ask(f"status {','.join(plugs)}")
        self._refuse(lines)
        states = powerman.plug_states(lines)
        return {n: states.get(plug, OutletState.UNKNOWN) for plug, n in plugs.items()}

    async def switch(self, outlet: int, *, on: bool) -> None:
        """``on`` or ``off``, then ``status`` until it shows."""
        async with self.guarded():
            self._refuse(await self._ask(f"{'on' if on else 'off'} {self._plug(outlet)}"))

            async def read() -> Mapping[int, OutletState]:
                return await self._states((outlet,))

            await verify(outlet, on=on, read=read, attempt=self._attempt)

    async def cycle(self, outlet: int, off_s: float) -> None:
        """Off, verified; on, verified: a device's own cycle keeps its own time."""
        await cycle_by_switching(self, outlet, off_s)

    def _plug(self, outlet: int) -> str:
        return self._pdu.plug.replace("{outlet}", str(outlet)).replace("{pdu}", self._pdu.name)

    def _refuse(self, lines: list[tuple[int, str]]) -> None:
        why = powerman.failure(lines)
        if why is not None:
            raise self._attempt.error(
                f"the daemon says {shown(why)}", "check powerman.conf and plug in the description"
            )

    async def leave(self) -> None:
        """Say goodbye and close; never raises."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(OSError):
                stream[1].write(b"quit\r\n")
            stream[1].close()

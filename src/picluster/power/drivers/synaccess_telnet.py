"""Synaccess units by telnet: ``login``, ``pshow``, ``pset n v``, ``logout``.

The units take one session at a time, lose characters that come too fast and get confused by a
session that is not logged out: hence one session, pauses, and a logout whatever happened. Firmware
differs in banner, prompts and in whether it wants a login; the dialogue goes by what is asked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress

from picluster.cluster.model import Pdu
from picluster.errors import PiclusterError
from picluster.harvest.live.attempt import Attempt
from picluster.power.dialects import synaccess
from picluster.power.driver import DeadPduError, PowerSession, cycle_by_switching
from picluster.power.drivers.context import (
    Surroundings,
    address_of,
    attempt_at,
    dead,
    in_time,
    password_of,
    reason,
    within,
)
from picluster.power.drivers.telnet import MAX_RECEIVED, FloodError, Telnet
from picluster.power.drivers.verify import verify
from picluster.power.model import OutletState

_PORT = 23
#: Before each line: the units drop characters otherwise.
_PACE_S = 0.2
_QUIET_S = 1.5
#: A unit ends the session at once when it is logged out.
_LEAVE_S = 1.5

_USER = re.compile(r"(?:User ?(?:ID|Name)|Login(?: ?ID)?|\bID)\s*[:>]\s*$", re.IGNORECASE)
_PASSWORD = re.compile(r"(?:Pass(?:word|code)?|\bPW)\s*[:>]\s*$", re.IGNORECASE)
_PROMPT = r"[ \t]*[A-Za-z0-9_.:*-]{0,32}[>#][ \t]*$"
_READY = re.compile(rf"(?:^|[\r\n]){_PROMPT}")
_REFUSED = re.compile(r"invalid|incorrect|denied|fail|wrong|not authori[sz]ed", re.IGNORECASE)
_ROW_AND_PROMPT = re.compile(r"\|[ \t]*[A-Za-z0-9*?]{1,8}[ \t]*\|?[^|]*[\r\n]" + _PROMPT)

_NEVER = re.compile(r"(?!)")

_BY_HAND = "try it by hand with telnet"
_GIVE_LOGIN = "describe its username and set PICLUSTER_PDU_PASSWORD or PICLUSTER_PDU_PASSWORD_FILE"


@asynccontextmanager
async def session(pdu: Pdu, around: Surroundings) -> AsyncIterator[PowerSession]:
    """Connect, log in where a password is given, and log out at the end."""
    host, port = address_of(pdu, around), pdu.port or _PORT
    password = password_of(pdu, around)
    attempt = attempt_at(pdu, f"{host}:{port}")
    opened = _Session(pdu, attempt, password)
    try:
        async with opened.guarded():
            await opened.connect(host, port)
        yield opened
    finally:
        await opened.leave()


class _Session:
    """One telnet session; see :class:`~picluster.power.driver.PowerSession`."""

    def __init__(self, pdu: Pdu, attempt: Attempt, password: str | None) -> None:
        self._pdu = pdu
        self._attempt = attempt
        self._password = password
        self._telnet: Telnet | None = None

    @asynccontextmanager
    async def guarded(self) -> AsyncIterator[None]:
        """One time limit, and one message for everything that goes wrong on the line."""
        attempt = self._attempt
        try:
            async with within(attempt):
                yield
        except FloodError:
            what = f"more than {MAX_RECEIVED // 1024} KiB of answer"
            raise dead(attempt, what, _BY_HAND) from None
        except OSError as error:
            raise self._broken(error) from None

    def _broken(self, error: OSError) -> DeadPduError:
        if self._telnet is None:
            return dead(self._attempt, reason(error), "check its address, port and power")
        return dead(
            self._attempt,
            "the PDU ended the session",
            "it takes one session at a time: see whether another one is open",
        )

    async def connect(self, host: str, port: int) -> None:
        """Open the session up to the prompt."""
        self._telnet = await in_time(Telnet.open(host, port), self._attempt)
        self._attempt.at("wait for the prompt")
        asked = await self._prompted()
        if asked is None:
            # Some firmware says nothing before the first line.
            await self._send("")
            asked = await self._prompted(wait=True)
        if asked is _READY and self._password is not None:
            self._attempt.at("log in")
            await self._send("login")
            asked = await self._prompted(wait=True)
        if asked is not _READY:
            await self._log_in(asked)

    async def _log_in(self, asked: re.Pattern[str] | None) -> None:
        self._attempt.at("log in")
        if self._password is None:
            raise dead(self._attempt, "it asks for a login", _GIVE_LOGIN)
        if asked is _USER:
            await self._send(self._pdu.username or "admin")
            asked = await self._prompted(wait=True)
        if asked is _PASSWORD:
            await self._send(self._password)
            asked = await self._prompted(wait=True)
        refused = _REFUSED.search(self._line.text.replace(self._password, ""))
        if asked is not _READY or refused:
            raise dead(self._attempt, "login refused", "check username and password")

    @property
    def _line(self) -> Telnet:
        if self._telnet is None:
            raise ConnectionResetError("not connected")
        return self._telnet

    async def _prompted(self, *, wait: bool = False) -> re.Pattern[str] | None:
        """What the unit asks for: user, password or a command; ``None`` when it stays quiet."""
        patterns = (_USER, _PASSWORD, _READY)
        index = await self._line.expect(*patterns, quiet_s=None if wait else _QUIET_S)
        return None if index is None else patterns[index]

    async def _send(self, line: str) -> None:
        await asyncio.sleep(_PACE_S)
        await self._line.send(line)

    async def status(self, outlets: Collection[int]) -> Mapping[int, OutletState]:
        """Every outlet of the unit."""
        async with self.guarded():
            states = await self._states()
        return {n: states.get(n, OutletState.UNKNOWN) for n in {*outlets, *states}}

    async def _states(self) -> dict[int, OutletState]:
        self._attempt.at("pshow")
        # Whatever the unit still holds of a line before must not become part of this one.
        await self._send("")
        await self._prompted()
        await self._send("pshow")
        await self._line.expect(_ROW_AND_PROMPT, quiet_s=self._attempt.limit_s / 3)
        try:
            table = synaccess.pshow(self._line.text)
        except PiclusterError:
            # Not the text itself: a unit may echo what was typed, passwords included.
            remedy = _BY_HAND
            if self._password is None:
                remedy += f"; where it wants a login, {_GIVE_LOGIN}"
            what = "no clear outlet table in its answer"
            raise dead(self._attempt, what, remedy) from None
        return {row.number: row.state for row in table.values()}

    async def switch(self, outlet: int, *, on: bool) -> None:
        """``pset``, then ``pshow`` until it shows."""
        async with self.guarded():
            self._attempt.at(f"pset {outlet} {int(on)}")
            await self._send(f"pset {outlet} {int(on)}")
            await self._prompted()
            await verify(outlet, on=on, read=self._states, attempt=self._attempt)

    async def cycle(self, outlet: int, off_s: float) -> None:
        """Off, verified; on, verified: ``rb`` keeps its own time and cannot be verified."""
        await cycle_by_switching(self, outlet, off_s)

    async def leave(self) -> None:
        """Log out and close; never raises."""
        telnet, self._telnet = self._telnet, None
        if telnet is None:
            return
        with suppress(OSError, TimeoutError, FloodError):
            async with asyncio.timeout(_LEAVE_S):
                await asyncio.sleep(_PACE_S)
                await telnet.send("logout")
                await telnet.expect(_NEVER)
        telnet.close()

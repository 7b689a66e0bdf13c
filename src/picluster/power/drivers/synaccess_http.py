"""Synaccess units by HTTP: ``cmd.cgi?$A5`` and ``$A3``, or the ways of older firmware.

* ``$A`` commands: what every unit of the last ten years takes. Units differ in what they want
  between the words (``%20``, ``+`` or a comma) and answer ``$AF`` to the others.
* ``status.xml`` with ``cmd.cgi?rly=N``: units that answer ``Success!`` to every ``$A`` command. It
  toggles, so the state is read before and verified after.
* ``synOpStatus.shtml`` with ``pwrSwN.cgi``: the oldest; it toggles too, and only when the status
  page is read next.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from picluster.cluster.model import Pdu
from picluster.errors import PiclusterError
from picluster.harvest.live.attempt import Attempt
from picluster.power.dialects import synaccess
from picluster.power.dialects.table import Table
from picluster.power.driver import PowerSession, cycle_by_switching
from picluster.power.drivers.context import (
    Surroundings,
    address_of,
    attempt_at,
    dead,
    password_of,
)
from picluster.power.drivers.http import Answer, get, guarded
from picluster.power.drivers.verify import known, verify
from picluster.power.model import OutletState

_PORT = 80
_SEPARATORS = ("%20", "+", ",")
_WRONG_KIND = "check that it is a Synaccess PDU, and its web access"

#: Where the state is read, and by what.
_STATUS: Mapping[str, Callable[[str], Table]] = {
    "cmd.cgi?$A5": synaccess.status_line,
    "status.xml": synaccess.status_xml,
    "synOpStatus.shtml": synaccess.status_page,
}
_NEWEST, _RELAYS, _PAGES = _STATUS


@asynccontextmanager
async def session(pdu: Pdu, around: Surroundings) -> AsyncIterator[PowerSession]:
    """A session: HTTP has none, the login goes with each request."""
    host, port = address_of(pdu, around), pdu.port or _PORT
    password = password_of(pdu, around)
    headers = {"User-Agent": "picluster", "Accept": "*/*"}
    if password is not None:
        login = f"{pdu.username or 'admin'}:{password}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    attempt = attempt_at(pdu, f"{host}:{port}")
    # The units take one connection at a time and keep none open.
    connector = aiohttp.TCPConnector(limit=1, force_close=True)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as http:
        yield _Session(http, f"http://{host}:{port}/", attempt)


class _Session:
    """See :class:`~picluster.power.driver.PowerSession`."""

    def __init__(self, http: aiohttp.ClientSession, base: str, attempt: Attempt) -> None:
        self._http = http
        self._base = base
        self._attempt = attempt
        self._way: str | None = None
        self._separators = list(_SEPARATORS)

    async def status(self, outlets: Collection[int]) -> Mapping[int, OutletState]:
        """Every outlet of the unit."""
        async with guarded(self._attempt):
            states = await self._states()
        return {n: states.get(n, OutletState.UNKNOWN) for n in {*outlets, *states}}

    async def switch(self, outlet: int, *, on: bool) -> None:
        """Set it, then read until it shows."""
        async with guarded(self._attempt):
            state = known(await self._states(), outlet, self._attempt)
            if self._way == _NEWEST:
                await self._set(outlet, on=on)
            elif state is not (OutletState.ON if on else OutletState.OFF):
                await self._toggle(outlet)
            await verify(outlet, on=on, read=self._states, attempt=self._attempt)

    async def cycle(self, outlet: int, off_s: float) -> None:
        """Off, verified; on, verified: ``$A4`` keeps its own time and cannot be verified."""
        await cycle_by_switching(self, outlet, off_s)

    async def _states(self) -> dict[int, OutletState]:
        ways = [self._way] if self._way is not None else list(_STATUS)
        for way in ways:
            answer = await self._get(way)
            if answer.status != 200 or answer.text.strip().startswith(synaccess.OLD_FIRMWARE):
                continue
            try:
                table = _STATUS[way](answer.text)
            except PiclusterError:
                continue
            self._way = way
            return {row.number: row.state for row in table.values()}
        raise dead(self._attempt, "no outlet states in its answer", _WRONG_KIND)

    async def _set(self, outlet: int, *, on: bool) -> None:
        while self._separators:
            words = self._separators[0].join(("$A3", str(outlet), str(int(on))))
            answer = await self._get(f"cmd.cgi?{words}")
            if answer.status == 200 and answer.text.strip().startswith(synaccess.DONE):
                return
            if not answer.text.strip().startswith(synaccess.FAILED):
                raise dead(self._attempt, "an answer that is neither $A0 nor $AF", _WRONG_KIND)
            self._separators.pop(0)
        self._separators = list(_SEPARATORS)
        raise self._attempt.error(
            "it refused to switch ($AF)", "check that the user may switch this outlet"
        )

    async def _toggle(self, outlet: int) -> None:
        if self._way == _RELAYS:
            await self._get(f"cmd.cgi?rly={outlet - 1}")
        else:
            await self._get(f"pwrSw{outlet}.cgi")

    async def _get(self, path: str) -> Answer:
        self._attempt.at(path)
        # Encoded as it stands: the units do not take %24 for $.
        answer = await get(self._http, URL(self._base + path, encoded=True))
        if answer.status in (401, 403):
            raise dead(
                self._attempt,
                "login refused",
                "describe its username and set PICLUSTER_PDU_PASSWORD or "
                "PICLUSTER_PDU_PASSWORD_FILE",
            )
        if answer.status >= 500:
            raise dead(self._attempt, f"HTTP status {answer.status}", _WRONG_KIND)
        return answer

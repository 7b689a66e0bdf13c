"""Driver ``manual``: a person switches, and says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from picluster.cluster.model import Pdu
from picluster.errors import Problem
from picluster.power.driver import FinalError, PowerSession
from picluster.power.drivers.context import Surroundings
from picluster.power.model import Outlet, OutletState

_YES = ("y", "yes", "done")


@asynccontextmanager
async def session(pdu: Pdu, around: Surroundings) -> AsyncIterator[PowerSession]:
    """A session with the person at the terminal."""
    yield _Session(pdu, around)


class _Session:
    """See :class:`~picluster.power.driver.PowerSession`."""

    def __init__(self, pdu: Pdu, around: Surroundings) -> None:
        self._pdu = pdu
        self._around = around

    async def status(self, outlets: Collection[int]) -> Mapping[int, OutletState]:
        """Nobody knows without looking."""
        return dict.fromkeys(outlets, OutletState.UNKNOWN)

    async def switch(self, outlet: int, *, on: bool) -> None:
        """Ask the person to switch, and for the word that it is done."""
        await self._asked(outlet, f"switch {self._named(outlet)} {'ON' if on else 'OFF'}")

    async def cycle(self, outlet: int, off_s: float) -> None:
        """Ask the person to switch off, wait and switch on."""
        what = f"switch {self._named(outlet)} OFF, wait {off_s:g} s, and switch it ON"
        await self._asked(outlet, what)

    def _named(self, outlet: int) -> str:
        place = str(Outlet(self._pdu.name, outlet))
        loads = self._around.loads.get(place)
        return f"outlet {place} ({loads})" if loads else f"outlet {place}"

    async def _asked(self, outlet: int, what: str) -> None:
        ask = self._around.ask
        if ask is None:
            raise self._final(
                f"nobody is at a terminal to {what}",
                "run picluster power in a terminal, or describe a driver for the PDU",
            )
        answer = await ask(f"By hand, please: {what}. Done? [y/N] ")
        if answer.strip().lower() not in _YES:
            raise self._final(
                f"the operator did not switch outlet {outlet}", "answer y once it is done"
            )

    def _final(self, what: str, remedy: str) -> FinalError:
        return FinalError(Problem(what, remedy, self._pdu.name))

"""What the tests of power drivers share: a session with a simulated PDU, and its refusals."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import pytest

from picluster.cluster.model import Pdu
from picluster.errors import PiclusterError
from picluster.net import parse_address
from picluster.power.driver import DeadPduError, PowerSession
from picluster.power.drivers.connect import load_driver
from picluster.power.drivers.context import Surroundings
from picluster.power.model import OutletState

T = TypeVar("T")

#: A secret that must never show up anywhere.
SECRET = "opens-the-rack-48"
LOOPBACK = parse_address("127.0.0.1")

Use = Callable[[PowerSession], Awaitable[T]]


def drive(pdu: Pdu, around: Surroundings, use: Use[T]) -> T:
    """Open a session and use it."""

    async def run() -> T:
        async with load_driver(pdu.driver)(pdu, around) as session:
            return await use(session)

    return asyncio.run(run())


def states(answer: Mapping[int, OutletState]) -> str:
    """Outlet 1 first: ``10?``."""
    signs = {OutletState.ON: "1", OutletState.OFF: "0", OutletState.UNKNOWN: "?"}
    return "".join(signs[answer[number]] for number in sorted(answer))


def message(pdu: Pdu, around: Surroundings, use: Use[object], *, dead: bool = True) -> str:
    """The one message of a failure, with times and ports made alike; it never holds a secret."""
    with pytest.raises(PiclusterError) as caught:
        drive(pdu, around, use)
    assert isinstance(caught.value, DeadPduError) is dead
    assert len(caught.value.problems) == 1
    text = str(caught.value)
    assert text.isprintable()
    for secret in (SECRET, *around.environ.values()):
        assert secret not in text
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return re.sub(r"after \d+\.\d s", "after T s", text)


async def look(session: PowerSession) -> str:
    """The states of outlets 1 to 3 and whatever else it tells."""
    return states(await session.status([1, 2, 3]))


def turn(outlet: int, *, on: bool) -> Use[None]:
    """Switches an outlet."""

    async def use(session: PowerSession) -> None:
        await session.switch(outlet, on=on)

    return use


def cycle(outlet: int, off_s: float = 0.2) -> Use[None]:
    """Cycles an outlet."""

    async def use(session: PowerSession) -> None:
        await session.cycle(outlet, off_s)

    return use

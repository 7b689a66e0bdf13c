"""What a power driver is: a session with one PDU.

A driver switches and reads outlets; what to switch, in which order and how long to wait is decided
elsewhere. It verifies what it set: :meth:`PowerSession.switch` returns when the PDU itself said
that the outlet is in the state asked for, and raises otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from picluster.errors import PiclusterError, Problem
from picluster.power.model import Outlet, OutletState, Step


class DeadPduError(PiclusterError):
    """The PDU cannot be talked to: other outlets of it would fail alike."""


class FinalError(PiclusterError):
    """Trying once more would change nothing: a person said no."""


class PowerSession(Protocol):
    """An open session with one PDU. Its methods are never called at the same time.

    Every method raises :class:`~picluster.errors.PiclusterError` with one message that names the
    PDU, its address, what was being done and what the user does about it, never a secret; and it
    does so within the time limit of the PDU. It is a :class:`DeadPduError` where the PDU cannot be
    talked to at all. After an error the session is not used again.
    """

    async def status(self, outlets: Collection[int]) -> Mapping[int, OutletState]:
        """The state of outlets.

        Args:
            outlets: the outlets asked for.

        Returns:
            Each of them; ``unknown`` where the PDU does not tell. Others may be there too.
        """
        ...

    async def switch(self, outlet: int, *, on: bool) -> None:
        """Switch one outlet, and return when the PDU says it is so."""
        ...

    async def cycle(self, outlet: int, off_s: float) -> None:
        """Switch one outlet off and, about ``off_s`` seconds later, on; verified like a switch."""
        ...


class Connect(Protocol):
    """Opens a session with a PDU by name; what :mod:`picluster.power.control` takes.

    Tests and simulations give their own; the real one is
    :func:`picluster.power.drivers.connector`.
    """

    def __call__(self, pdu: str) -> AbstractAsyncContextManager[PowerSession]:
        """A context that is a session while it lasts."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What became known of one outlet.

    Attributes:
        outlet: which.
        state: its state; ``unknown`` when the PDU could not be asked.
        problem: why it could not.
    """

    outlet: Outlet
    state: OutletState
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step of a plan went.

    Attributes:
        step: the step.
        done: the PDU said that the outlet is in the state asked for.
        skipped: not tried, because a step it needs had failed or its PDU is dead.
        problem: why it is not done.
        seconds: how long it took, without waiting for its turn.
    """

    step: Step
    done: bool
    skipped: bool = False
    problem: Problem | None = None
    seconds: float = 0.0


async def cycle_by_switching(session: PowerSession, outlet: int, off_s: float) -> None:
    """The cycle of a PDU whose own one cannot be verified, or leaves an outlet off."""
    await session.switch(outlet, on=False)
    await asyncio.sleep(off_s)
    await session.switch(outlet, on=True)

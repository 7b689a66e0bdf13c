"""Whether a PDU did what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from picluster.harvest.live.attempt import Attempt
from picluster.power.model import OutletState

#: Relays, sequencers and controllers take a moment before they show a new state.
VERIFY_S = 8.0
_AGAIN_S = 0.4


async def verify(
    outlet: int,
    *,
    on: bool,
    read: Callable[[], Awaitable[Mapping[int, OutletState]]],
    attempt: Attempt,
    within_s: float = VERIFY_S,
) -> None:
    """Return once a PDU shows an outlet in the wanted state.

    Args:
        outlet: the outlet.
        on: the wanted state.
        read: reads the PDU's outlets.
        attempt: makes the error.
        within_s: seconds to go on asking.

    Raises:
        PiclusterError: it does not in time, or ``read`` raised.
    """
    wanted = OutletState.ON if on else OutletState.OFF
    loop = asyncio.get_running_loop()
    # The time limit knows less of what is wrong: this message comes first.
    within_s = min(within_s, attempt.left() * 0.8)
    deadline = loop.time() + within_s
    while (state := known(await read(), outlet, attempt)) is not wanted:
        if loop.time() >= deadline:
            raise attempt.error(
                f"outlet {outlet} was switched {wanted} and is {state} {within_s:.0f} s later",
                "look at the PDU: a delay, an interlock or a stuck relay",
            )
        await asyncio.sleep(_AGAIN_S)


def known(states: Mapping[int, OutletState], outlet: int, attempt: Attempt) -> OutletState:
    """The state of one outlet.

    Raises:
        PiclusterError: the PDU has no such outlet.
    """
    if outlet in states:
        return states[outlet]
    shown = f"{min(states)} to {max(states)}" if states else "none"
    raise attempt.error(f"it has no outlet {outlet}: it shows {shown}", "correct the description")

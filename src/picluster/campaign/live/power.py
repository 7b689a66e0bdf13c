"""Power orders of a campaign, carried out by the power desk in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence

from picluster.campaign.ports import Clock, PowerOrder, PowerResult, Verb
from picluster.errors import PiclusterError
from picluster.power.control import Event, Moment
from picluster.power.desk import PowerDesk
from picluster.power.driver import Reading, StepResult
from picluster.power.model import Action, Outlet, OutletState
from picluster.power.planning import outlets_to_read
from picluster.power.targets import Selection

_ACTIONS = {Verb.ON: Action.ON, Verb.OFF: Action.OFF, Verb.CYCLE: Action.CYCLE}

#: Takes the end of an order; called from the thread.
Tell = Callable[[PowerResult], None]


class LivePower:
    """See :class:`picluster.campaign.ports.PowerControl`. Leave it by :meth:`close`.

    Orders for different PDUs run at the same time; one PDU has one session.

    Args:
        desk: the cluster's power.
        clock: the campaign's.
        tell: takes results.
    """

    def __init__(self, desk: PowerDesk, clock: Clock, tell: Tell) -> None:
        self._desk = desk
        self._clock = clock
        self._tell = tell
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="power", daemon=True)
        self._thread.start()

    def alone(self, board: str) -> bool:
        """Whether a board can be cycled without another one losing power."""
        return self._desk.model.cuts_alone(board)

    def sharing(self, bank: int) -> Sequence[int]:
        """Banks that lose power with a bank."""
        model, found, todo = self._desk.model, {bank}, [bank]
        while todo:
            for outlet in model.outlets_of_bank(todo.pop()):
                new = set(model.supplies[outlet].banks) - found
                found |= new
                todo += new
        return sorted(found)

    def submit(self, order: PowerOrder) -> None:
        """Begin an order."""
        self._loop.call_soon_threadsafe(self._begin, order)

    def _begin(self, order: PowerOrder) -> None:
        task = self._loop.create_task(self._carry_out(order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Cancel what is under way; a PDU that is cycling an outlet puts it back on first."""
        asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _cancel(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- in the thread

    async def _carry_out(self, order: PowerOrder) -> None:
        try:
            result = await self._result(order)
        except PiclusterError as error:
            result = PowerResult(order, self._clock.now(), False, None, str(error.problems[0]))
        self._tell(result)

    async def _result(self, order: PowerOrder) -> PowerResult:
        names = [order.board] if order.board else [f"bank_{bank}" for bank in order.banks]
        selection = self._desk.select(names)
        locks = [self._locks[pdu] for pdu in sorted(self._pdus(order, selection))]
        for lock in locks:
            await lock.acquire()
        try:
            if order.verb is Verb.STATUS:
                return self._status(order, await self._desk.read(selection.outlets))
            return await self._switch(order, selection)
        finally:
            for lock in locks:
                lock.release()

    def _pdus(self, order: PowerOrder, selection: Selection) -> set[str]:
        """The PDUs that are talked to: also those of what a bank needs first."""
        outlets = set(selection.outlets)
        if order.verb in _ACTIONS:
            outlets |= set(outlets_to_read(self._desk.model, _ACTIONS[order.verb], selection))
        return {outlet.pdu for outlet in outlets}

    def _status(self, order: PowerOrder, readings: dict[Outlet, Reading]) -> PowerResult:
        problems = [str(reading.problem) for reading in readings.values() if reading.problem]
        states = {reading.state for reading in readings.values()}
        on = {frozenset({OutletState.ON}): True, frozenset({OutletState.OFF}): False}
        return PowerResult(
            order,
            self._clock.now(),
            not problems,
            on.get(frozenset(states)),
            problems[0] if problems else "",
        )

    async def _switch(self, order: PowerOrder, selection: Selection) -> PowerResult:
        action = _ACTIONS[order.verb]
        begun = [self._clock.now()]

        def watch(event: Event) -> None:
            # a board may ask before the PDU has said that it is so
            if event.moment is Moment.STARTED and event.step.outlet in selection.outlets:
                begun.append(self._clock.now())

        looked = await self._desk.look(action, selection)
        plan = self._desk.plan(action, selection, looked.values())
        steps = await self._desk.carry_out(plan, watch)
        failed = [step for step in steps if not step.done]
        at = self._clock.now() if action is Action.CYCLE else begun[-1]
        if failed:
            return PowerResult(order, at, False, None, _why(failed))
        return PowerResult(order, at, True, action is not Action.OFF)


def _why(failed: Sequence[StepResult]) -> str:
    """The first cause: a step that was tried, rather than one that had to wait for it."""
    first = next((step for step in failed if not step.skipped), failed[0])
    return str(first.problem) if first.problem else f"{first.step.outlet} was not switched"

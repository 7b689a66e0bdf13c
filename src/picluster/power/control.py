"""Carry out power plans: several PDUs at the same time, one session with each.

A step waits for the steps it needs, for their loads to come up and for its turn on its circuit. A
PDU that cannot be talked to fails its own steps and those that need them, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from enum import StrEnum

from picluster.errors import PiclusterError, Problem
from picluster.power.driver import (
    Connect,
    DeadPduError,
    FinalError,
    PowerSession,
    Reading,
    StepResult,
)
from picluster.power.model import Action, Outlet, OutletState, PowerPlan, Step

#: How often a step is tried, each time in a new session.
ATTEMPTS = 2
#: A PDU that has just ended a session may refuse the next one for a moment.
PAUSE_S = 1.0
#: A session is kept open while the next step is no further away.
KEEP_S = 3.0


class Moment(StrEnum):
    """What an :class:`Event` tells."""

    STARTED = "started"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Event:
    """A step that has begun or ended.

    Attributes:
        moment: which of the two.
        step: the step.
        result: how it went, once it ended.
    """

    moment: Moment
    step: Step
    result: StepResult | None = None


Watch = Callable[[Event], None]


def _unwatched(_: Event) -> None:
    """Nobody watches."""


async def read_outlets(connect: Connect, outlets: Collection[Outlet]) -> dict[Outlet, Reading]:
    """Ask for the state of outlets, every PDU at the same time.

    Args:
        connect: opens a session with a PDU.
        outlets: which ones.

    Returns:
        One for each outlet, in order; ``unknown`` with the problem where its PDU failed.
    """
    numbers: dict[str, set[int]] = defaultdict(set)
    for outlet in outlets:
        numbers[outlet.pdu].add(outlet.number)
    answers = await asyncio.gather(
        *(_read_pdu(connect, pdu, wanted) for pdu, wanted in sorted(numbers.items()))
    )
    found = {reading.outlet: reading for answer in answers for reading in answer}
    return {outlet: found[outlet] for outlet in sorted(set(outlets))}


async def _read_pdu(connect: Connect, pdu: str, numbers: set[int]) -> list[Reading]:
    problem: Problem | None = None
    states: Mapping[int, OutletState] = {}
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(PAUSE_S)
        try:
            async with connect(pdu) as session:
                states = await session.status(sorted(numbers))
            problem = None
            break
        except PiclusterError as error:
            problem = error.problems[0]
    return [
        Reading(Outlet(pdu, n), states.get(n, OutletState.UNKNOWN), problem)
        for n in sorted(numbers)
    ]


def states_of(readings: Iterable[Reading]) -> dict[Outlet, OutletState]:
    """The states alone, as :func:`picluster.power.planning.plan_power` takes them."""
    return {reading.outlet: reading.state for reading in readings}


def dead_pdus(readings: Iterable[Reading]) -> set[str]:
    """The PDUs that did not answer."""
    return {reading.outlet.pdu for reading in readings if reading.problem is not None}


async def carry_out(
    plan: PowerPlan, connect: Connect, watch: Watch = _unwatched
) -> tuple[StepResult, ...]:
    """Switch what a plan says.

    Args:
        plan: the plan.
        connect: opens a session with a PDU.
        watch: told when a step begins and ends, in the event loop.

    Returns:
        One for each step, in the plan's order. Cancelled, it first puts back on what it is
        cycling.
    """
    run = _Run(plan, connect, watch)
    by_pdu: dict[str, list[Step]] = defaultdict(list)
    for step in plan.steps:
        by_pdu[step.outlet.pdu].append(step)
    async with asyncio.TaskGroup() as group:
        for steps in by_pdu.values():
            group.create_task(run.pdu(steps))
    return tuple(run.results[step.number] for step in plan.steps)


@dataclass(slots=True)
class _Run:
    """One plan under way."""

    plan: PowerPlan
    connect: Connect
    watch: Watch
    results: dict[int, StepResult] = field(default_factory=dict)
    _ended: dict[int, float] = field(default_factory=dict)
    _next_turn: dict[str, float] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def pdu(self, steps: list[Step]) -> None:
        """Every step of one PDU, each as soon as it may."""
        left, dead = list(steps), None
        line = _Line(self.connect, steps[0].outlet.pdu)
        try:
            while left:
                step = await self._ready(left, line)
                left.remove(step)
                reason = self._obstacle(step) or dead
                if reason is not None:
                    self._end(StepResult(step, done=False, skipped=True, problem=reason))
                    continue
                result, alive = await self._do(step, line)
                self._end(result)
                if not alive:
                    dead = Problem(f"{line.pdu} did not answer before", "see to the PDU first")
        finally:
            await line.close()

    async def _ready(self, steps: list[Step], line: _Line) -> Step:
        """Wait for the first step whose turn it is, or that has become pointless."""
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            begins = [
                (begin, step.number, step)
                for step in steps
                if (begin := self._begin(step)) is not None
            ]
            begin, _, step = min(begins, default=(None, 0, steps[0]))
            left = None if begin is None else begin - loop.time()
            if left is not None and left <= 0:
                return step
            if line.open and (left is None or left > KEEP_S):
                await line.close()
                continue  # things may have changed meanwhile
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _begin(self, step: Step) -> float | None:
        """The loop's time at which a step may begin; ``None`` while that is not known."""
        if self._obstacle(step) is not None:
            return 0.0
        if any(number not in self._ended for number in step.after):
            return None
        turn = 0.0 if step.action is Action.OFF else self._next_turn.get(step.circuit, 0.0)
        ended = max((self._ended[number] for number in step.after), default=0.0)
        return max(turn, ended + step.wait_s)

    def _obstacle(self, step: Step) -> Problem | None:
        """Why a step is not tried: one it needs has failed."""
        for number in step.after:
            result = self.results.get(number)
            if result is not None and not result.done:
                loads = ", ".join(result.step.loads)
                what = (
                    f"{loads} ({result.step.outlet}) was not switched {_verb(result.step)} before"
                )
                return Problem(what, "see to it first")
        return None

    async def _do(self, step: Step, line: _Line) -> tuple[StepResult, bool]:
        loop = asyncio.get_running_loop()
        if step.action is not Action.OFF:
            # Whoever is next on this circuit counts from the beginning of this one.
            self._next_turn[step.circuit] = loop.time() + self.plan.stagger_s
        self.watch(Event(Moment.STARTED, step))
        begin = loop.time()
        problem, alive = await self._tried(step, line)
        seconds = loop.time() - begin
        return StepResult(step, problem is None, problem=problem, seconds=seconds), alive

    async def _tried(self, step: Step, line: _Line) -> tuple[Problem | None, bool]:
        problem, alive = None, True
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(PAUSE_S)
            try:
                await _switch(step, line, self.plan.off_s)
            except PiclusterError as error:
                await line.close()
                problem, alive = error.problems[0], not isinstance(error, DeadPduError)
                if isinstance(error, FinalError):
                    break
            else:
                return None, True
        return problem, alive

    def _end(self, result: StepResult) -> None:
        number = result.step.number
        self.results[number] = result
        self._ended[number] = asyncio.get_running_loop().time()
        self._changed.set()
        self.watch(Event(Moment.ENDED, result.step, result))


def _verb(step: Step) -> str:
    return "off" if step.action is Action.OFF else "on"


class _Line:
    """A session that is opened when it is needed and can be closed at any time."""

    def __init__(self, connect: Connect, pdu: str) -> None:
        self.pdu = pdu
        self._connect = connect
        self._stack = AsyncExitStack()
        self._session: PowerSession | None = None

    @property
    def open(self) -> bool:
        """Whether there is a session."""
        return self._session is not None

    async def session(self) -> PowerSession:
        """The open session, or a new one.

        Raises:
            DeadPduError: it cannot be opened, whatever the reason: no outlet of it can be switched.
        """
        if self._session is None:
            try:
                self._session = await self._stack.enter_async_context(self._connect(self.pdu))
            except (DeadPduError, FinalError):
                raise
            except PiclusterError as error:
                raise DeadPduError(error.problems) from None
        return self._session

    async def close(self) -> None:
        """End the session, if there is one."""
        self._session = None
        await self._stack.aclose()


async def _switch(step: Step, line: _Line, off_s: float) -> None:
    session, number = await line.session(), step.outlet.number
    if step.action is not Action.CYCLE:
        await session.switch(number, on=step.action is Action.ON)
        return
    try:
        await session.cycle(number, off_s)
    except asyncio.CancelledError:
        await asyncio.shield(_put_back(line, number))
        raise
    except FinalError:
        raise
    except PiclusterError as error:
        await _put_back(line, number, error)
        raise


async def _put_back(line: _Line, number: int, cause: PiclusterError | None = None) -> None:
    """A cycle that broke off must not leave boards without power."""
    await line.close()
    await asyncio.sleep(PAUSE_S)
    try:
        await (await line.session()).switch(number, on=True)
    except PiclusterError as error:
        first = (cause or error).problems[0]
        raise DeadPduError(
            replace(first, what=f"{first.what}; outlet {number} may be off now")
        ) from None

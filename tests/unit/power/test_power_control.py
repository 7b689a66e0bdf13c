"""Carrying out plans: several PDUs at a time, one session with each, and everything that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from picluster.errors import Problem, refusal
from picluster.power import control
from picluster.power.control import Event, Moment, carry_out, dead_pdus, read_outlets, states_of
from picluster.power.driver import (
    DeadPduError,
    FinalError,
    PowerSession,
    StepResult,
    cycle_by_switching,
)
from picluster.power.model import Action, Outlet, OutletState, PowerPlan, Step

T = TypeVar("T")


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to whatever is next: tests take no time and are exact."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped = 0.0

    def time(self) -> float:
        return self.jumped

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.jumped = max(self.jumped, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=Clock) as runner:
        return runner.run(coroutine)


class Rack:
    """PDUs that note what is done to them, and fail when told to."""

    def __init__(self) -> None:
        self.on: dict[str, bool] = {}
        self.log: list[str] = []
        self.open: dict[str, int] = {}
        self.most_open = 0
        self.dead: set[str] = set()
        self.unfit: set[str] = set()
        self.fail: dict[str, list[Exception]] = {}
        self.takes_s: dict[str, float] = {}

    def note(self, what: str) -> None:
        self.log.append(f"{asyncio.get_running_loop().time():g} {what}")

    @asynccontextmanager
    async def connect(self, pdu: str) -> AsyncIterator[PowerSession]:
        if pdu in self.dead:
            raise DeadPduError(Problem(f"{pdu} is dead", "see to it"))
        if pdu in self.unfit:
            raise refusal(f"{pdu} has no password", "set it")
        assert not self.open.get(pdu), "two sessions with one PDU"
        self.open[pdu] = 1
        self.most_open = max(self.most_open, sum(self.open.values()))
        self.note(f"open {pdu}")
        try:
            yield _Session(self, pdu)
        finally:
            self.note(f"close {pdu}")
            self.open[pdu] = 0


class _Session:
    def __init__(self, rack: Rack, pdu: str) -> None:
        self._rack = rack
        self._pdu = pdu

    async def status(self, outlets: Collection[int]) -> Mapping[int, OutletState]:
        await self._may("status")
        return {
            n: OutletState.ON if self._rack.on.get(f"{self._pdu}:{n}") else OutletState.OFF
            for n in outlets
        }

    async def switch(self, outlet: int, *, on: bool) -> None:
        await self._may(f"{outlet} {'on' if on else 'off'}")
        self._rack.on[f"{self._pdu}:{outlet}"] = on

    async def cycle(self, outlet: int, off_s: float) -> None:
        await cycle_by_switching(self, outlet, off_s)

    async def _may(self, what: str) -> None:
        assert self._rack.open[self._pdu], "a closed session is used"
        await asyncio.sleep(self._rack.takes_s.get(self._pdu, 0.0))
        planned = self._rack.fail.get(f"{self._pdu}:{what}")
        self._rack.note(f"{self._pdu}:{what}" + (" fails" if planned else ""))
        if planned:
            raise planned.pop(0)


def step(
    number: int, outlet: str, action: str = "on", *, after: tuple[int, ...] = (),
    wait_s: float = 0.0, circuit: str = "",
) -> Step:  # fmt: skip
    pdu, _, place = outlet.partition(":")
    return Step(
        number, Action(action), Outlet(pdu, int(place)), (f"load-{number}",), after, wait_s,
        circuit=circuit,
    )  # fmt: skip


def plan(*steps: Step, stagger_s: float = 0.0, off_s: float = 10.0) -> PowerPlan:
    return PowerPlan(Action.ON, ("all",), steps, stagger_s=stagger_s, off_s=off_s)


def outcome(results: tuple[StepResult, ...]) -> list[str]:
    words = []
    for result in results:
        word = "done" if result.done else "skipped" if result.skipped else "failed"
        words.append(word + (f": {result.problem}" if result.problem else ""))
    return words


def test_pdus_at_the_same_time_and_each_one_step_by_step() -> None:
    rack = Rack()
    rack.takes_s = {"a": 2, "b": 3}
    events: list[Event] = []
    results = run(
        carry_out(plan(step(1, "a:1"), step(2, "b:1"), step(3, "a:2")), rack.connect, events.append)
    )
    assert outcome(results) == ["done"] * 3
    assert rack.log == [
        "0 open a", "0 open b", "2 a:1 on", "3 b:1 on", "3 close b", "4 a:2 on", "4 close a",
    ]  # fmt: skip
    assert rack.most_open == 2
    assert [(e.moment, e.step.number) for e in events] == [
        (Moment.STARTED, 1), (Moment.STARTED, 2), (Moment.ENDED, 1), (Moment.STARTED, 3),
        (Moment.ENDED, 2), (Moment.ENDED, 3),
    ]  # fmt: skip
    assert [round(result.seconds) for result in results] == [2, 3, 2]


def test_a_step_waits_for_what_it_needs_and_for_it_to_come_up() -> None:
    rack = Rack()
    rack.takes_s = {"net": 1}
    results = run(
        carry_out(
            plan(
                step(1, "net:1"),
                step(2, "a:1", after=(1,), wait_s=60),
                step(3, "b:1", after=(1,), wait_s=1),
                step(4, "a:2"),
            ),
            rack.connect,
        )
    )
    assert outcome(results) == ["done"] * 4
    # No session is held open while there is nothing to do for long.
    assert rack.log == [
        "0 open net", "0 open a", "0 a:2 on", "0 close a", "1 net:1 on", "1 close net",
        "2 open b", "2 b:1 on", "2 close b", "61 open a", "61 a:1 on", "61 close a",
    ]  # fmt: skip


def test_one_circuit_is_staggered_across_pdus() -> None:
    rack = Rack()
    steps = (
        step(1, "a:1", circuit="x"), step(2, "a:2", circuit="x"), step(3, "b:1", circuit="x"),
        step(4, "c:1", circuit="y"), step(5, "b:2", "off", circuit="x"),
    )  # fmt: skip
    run(carry_out(plan(*steps, stagger_s=5), rack.connect))
    switched = [line for line in rack.log if ":" in line]
    assert sorted(switched, key=lambda line: float(line.split()[0])) == switched
    assert {line.split(" ", 1)[1]: float(line.split()[0]) for line in switched} == {
        "a:1 on": 0, "a:2 on": 5, "b:1 on": 10, "c:1 on": 0, "b:2 off": 0,
    }  # fmt: skip


def test_a_dead_pdu_fails_its_own_steps_and_those_that_need_them() -> None:
    rack = Rack()
    rack.dead = {"a"}
    steps = (
        step(1, "a:1"), step(2, "a:2"), step(3, "b:1", after=(1,)), step(4, "b:2"),
        step(5, "c:1", after=(3,)),
    )  # fmt: skip
    results = run(carry_out(plan(*steps), rack.connect))
    assert outcome(results) == [
        "failed: a is dead; see to it",
        "skipped: a did not answer before; see to the PDU first",
        "skipped: load-1 (a:1) was not switched on before; see to it first",
        "done",
        "skipped: load-3 (b:1) was not switched on before; see to it first",
    ]
    assert [line for line in rack.log if "b:" in line] == ["0 b:2 on"]


def test_a_pdu_nobody_can_log_in_at_is_dead() -> None:
    rack = Rack()
    rack.unfit = {"a"}
    results = run(carry_out(plan(step(1, "a:1"), step(2, "a:2")), rack.connect))
    assert outcome(results) == [
        "failed: a has no password; set it",
        "skipped: a did not answer before; see to the PDU first",
    ]


def test_an_outlet_that_does_not_move_fails_alone() -> None:
    rack = Rack()
    rack.fail = {"a:1 on": [refusal("stuck"), refusal("stuck")]}
    results = run(carry_out(plan(step(1, "a:1"), step(2, "a:2")), rack.connect))
    assert outcome(results) == ["failed: stuck", "done"]


def test_a_lost_session_is_opened_once_more() -> None:
    rack = Rack()
    rack.fail = {"a:1 on": [DeadPduError(Problem("ended", ""))]}
    results = run(carry_out(plan(step(1, "a:1"), step(2, "a:2")), rack.connect))
    assert outcome(results) == ["done", "done"]
    assert rack.log == [
        "0 open a", "0 a:1 on fails", "0 close a", "1 open a", "1 a:1 on", "1 a:2 on", "1 close a",
    ]  # fmt: skip


def test_no_is_not_asked_again() -> None:
    rack = Rack()
    rack.fail = {"a:1 on": [FinalError(Problem("no", "")), FinalError(Problem("no", ""))]}
    results = run(carry_out(plan(step(1, "a:1"), step(2, "a:2")), rack.connect))
    assert outcome(results) == ["failed: no", "done"]
    assert len(rack.fail["a:1 on"]) == 1


def test_a_cycle_takes_its_time_off() -> None:
    rack = Rack()
    rack.on = {"a:1": True}
    assert outcome(run(carry_out(plan(step(1, "a:1", "cycle")), rack.connect))) == ["done"]
    assert rack.log == ["0 open a", "0 a:1 off", "10 a:1 on", "10 close a"]


def test_a_cycle_that_breaks_off_is_put_back_on() -> None:
    rack = Rack()
    broken = [DeadPduError(Problem("ended", "")) for _ in range(2)]
    rack.fail = {"a:1 off": broken}
    rack.on = {"a:1": True}
    results = run(carry_out(plan(step(1, "a:1", "cycle"), off_s=4), rack.connect))
    assert outcome(results) == ["failed: ended"]
    assert rack.on == {"a:1": True}
    assert [line for line in rack.log if line.endswith(" on")] == ["1 a:1 on", "3 a:1 on"]


def test_what_could_not_be_put_back_is_said() -> None:
    rack = Rack()
    rack.fail = {"a:1 on": [DeadPduError(Problem("ended", "look")) for _ in range(9)]}
    results = run(carry_out(plan(step(1, "a:1", "cycle")), rack.connect))
    assert outcome(results) == ["failed: ended; outlet 1 may be off now; look"]


def test_an_interrupted_cycle_is_put_back_on() -> None:
    rack = Rack()
    rack.on = {"a:1": True, "b:1": True}

    async def interrupted() -> None:
        both = plan(step(1, "a:1", "cycle"), step(2, "b:1", "cycle"))
        task = asyncio.create_task(carry_out(both, rack.connect))
        await asyncio.sleep(3)
        assert rack.on == {"a:1": False, "b:1": False}
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(interrupted())
    assert rack.on == {"a:1": True, "b:1": True}
    assert rack.log[-1].startswith("4 close")
    assert sum(rack.open.values()) == 0


def test_reading_asks_every_pdu_at_the_same_time() -> None:
    rack = Rack()
    rack.takes_s = {"a": 3, "b": 4}
    rack.on = {"a:2": True}
    rack.dead = {"c"}
    outlets = [Outlet("a", 2), Outlet("b", 1), Outlet("a", 1), Outlet("c", 7)]
    readings = run(read_outlets(rack.connect, outlets))
    assert [(str(o), r.state.value, str(r.problem or "")) for o, r in readings.items()] == [
        ("a:1", "off", ""), ("a:2", "on", ""), ("b:1", "off", ""),
        ("c:7", "unknown", "c is dead; see to it"),
    ]  # fmt: skip
    assert rack.log[:4] == ["0 open a", "0 open b", "3 a:status", "3 close a"]
    assert rack.log[4] == "4 b:status"
    assert dead_pdus(readings.values()) == {"c"}
    assert states_of(readings.values())[Outlet("a", 2)] is OutletState.ON


def test_reading_tries_a_lost_session_once_more() -> None:
    rack = Rack()
    rack.fail = {"a:status": [DeadPduError(Problem("ended", ""))]}
    readings = run(read_outlets(rack.connect, [Outlet("a", 1)]))
    assert readings[Outlet("a", 1)].state is OutletState.OFF
    assert control.ATTEMPTS == 2

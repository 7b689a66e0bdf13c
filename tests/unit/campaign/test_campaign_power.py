"""Power orders of a campaign, carried out by the power desk."""

from __future__ import annotations

import queue
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from picluster.campaign.live.clock import SystemClock
from picluster.campaign.live.power import LivePower
from picluster.campaign.ports import PowerOrder, PowerResult, Verb
from picluster.errors import refusal
from picluster.plan.read import read_plan
from picluster.power.build import build_power
from picluster.power.desk import PowerDesk
from picluster.power.model import OutletState
from picluster.power.targets import Targets
from tests.conftest import MakeDescription


class Outlets:
    """PDUs in memory."""

    def __init__(self) -> None:
        self.on: set[tuple[str, int]] = set()
        self.dead: set[str] = set()
        self.open: dict[str, int] = {}
        self.most = 0
        self.log: list[str] = []

    @asynccontextmanager
    async def connect(self, pdu: str) -> AsyncIterator[Any]:
        if pdu in self.dead:
            raise refusal(f"{pdu} does not answer")
        self.open[pdu] = self.open.get(pdu, 0) + 1
        self.most = max(self.most, *self.open.values())
        try:
            yield Session(self, pdu)
        finally:
            self.open[pdu] -= 1


class Session:
    def __init__(self, outlets: Outlets, pdu: str) -> None:
        self._outlets, self._pdu = outlets, pdu

    async def status(self, outlets: Collection[int]) -> Mapping[int, OutletState]:
        on = self._outlets.on
        return {n: OutletState.ON if (self._pdu, n) in on else OutletState.OFF for n in outlets}

    async def switch(self, outlet: int, *, on: bool) -> None:
        self._outlets.log.append(f"{'on' if on else 'off'} {self._pdu}:{outlet}")
        (self._outlets.on.add if on else self._outlets.on.discard)((self._pdu, outlet))

    async def cycle(self, outlet: int, off_s: float) -> None:
        self._outlets.log.append(f"cycle {self._pdu}:{outlet} {off_s:g} s")


Ordered = Callable[[Verb, "tuple[int, ...] | str"], PowerResult]


@pytest.fixture(name="outlets")
def pdu_outlets() -> Outlets:
    return Outlets()


@pytest.fixture(name="live")
def live_power(
    outlets: Outlets, description: MakeDescription
) -> Iterator[tuple[LivePower, Ordered]]:
    banks = [
        {"number": 1, "size": 2, "pdu": "pdu-1", "outlet": 1},
        {"number": 2, "size": 2, "pdu": "pdu-2", "outlet": 1},
        {"number": 3, "size": 1},
        {"number": 4, "size": 1},
    ]
    supplies = [{"name": "both", "pdu": "pdu-2", "outlet": 2, "feeds": ["bank_3", "bank_4"]}]
    pdus = [{"name": name, "driver": "synaccess", "address": f"172.20.0.3{n}"}
            for n, name in enumerate(("pdu-1", "pdu-2"))]  # fmt: skip
    rows = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1)]
    text = "bank,slot,mac\n" + "".join(
        f"{bank},{slot},b8:27:eb:00:0{bank}:0{slot}\n" for bank, slot in rows
    )
    path = description(registry=text, banks=banks, supplies=supplies, pdus=pdus, switches=None,
                       power={"stagger_s": 0})  # fmt: skip
    plan = read_plan(path)
    model = build_power(plan)
    desk = PowerDesk(model, Targets(plan, model), outlets.connect)
    results: queue.Queue[PowerResult] = queue.Queue()
    power = LivePower(desk, SystemClock(), results.put)

    def order(verb: Verb, what: tuple[int, ...] | str) -> PowerResult:
        target = (
            PowerOrder(1, verb, board=what)
            if isinstance(what, str)
            else (PowerOrder(1, verb, what))
        )
        power.submit(target)
        return results.get(timeout=20)

    yield power, order
    power.close()


def test_orders_are_carried_out_and_verified(
    outlets: Outlets, live: tuple[LivePower, Ordered]
) -> None:
    _, order = live
    states = [order(Verb.STATUS, (1,)).on]
    before = time.monotonic()
    on = order(Verb.ON, (1,))
    states.append(order(Verb.STATUS, (1,)).on)
    off = order(Verb.OFF, (1,))
    states.append(order(Verb.STATUS, (1,)).on)
    assert (on.done, on.on, off.done, off.on) == (True, True, True, False)
    assert states == [False, True, False]
    assert before <= on.at <= time.monotonic()
    assert outlets.log == ["on pdu-1:1", "off pdu-1:1"]


def test_a_dead_pdu_fails_its_own_orders_in_words(
    outlets: Outlets, live: tuple[LivePower, Ordered]
) -> None:
    _, order = live
    outlets.dead.add("pdu-2")
    for verb in (Verb.STATUS, Verb.ON):
        result = order(verb, (2,))
        assert (result.done, result.on) == (False, None)
        assert "pdu-2 does not answer" in result.why
    assert order(Verb.ON, (1,)).done


def test_who_shares_power_is_known(live: tuple[LivePower, Ordered]) -> None:
    power, order = live
    assert [list(power.sharing(bank)) for bank in (1, 2, 3, 4)] == [[1], [2], [3, 4], [3, 4]]
    assert not power.alone("pi-1-1")
    assert power.alone("pi-3-1") is False
    assert order(Verb.ON, (3, 4)).done


def test_a_pdu_has_one_session_at_a_time(outlets: Outlets, live: tuple[LivePower, Ordered]) -> None:
    power, order = live
    for _ in range(5):
        power.submit(PowerOrder(2, Verb.STATUS, (2,)))
    order(Verb.ON, (3, 4))
    assert outlets.most == 1


def test_what_is_not_described_is_refused_in_words(live: tuple[LivePower, Ordered]) -> None:
    _, order = live
    result = order(Verb.ON, (9,))
    assert not result.done
    assert "no bank 9" in result.why

"""Boards, boot servers and a clock that are made up, and roll-outs among them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Sequence
from typing import Any

from picluster.campaign.fleet import Board, Fleet
from picluster.errors import refusal
from picluster.mac import MacAddress
from picluster.rollout.batches import batches_of
from picluster.rollout.engine import Engine, Job, World
from picluster.rollout.ports import Answer
from picluster.rollout.report import Report
from picluster.rollout.waiting import Patience

ORDER = "0123456789abcdef"
PATIENCE = Patience(answer_s=20, again_s=(2, 5, 10), end_s=100)


def fleet_of_banks(banks: dict[int, int]) -> Fleet:
    """Banks with so many boards each."""
    return Fleet(
        "test",
        tuple(
            Board(
                f"pi-{bank}-{slot}",
                bank,
                slot,
                f"172.20.{bank}.{slot}",
                MacAddress(f"b8:27:eb:00:{bank:02x}:{slot:02x}"),
            )
            for bank, size in banks.items()
            for slot in range(1, size + 1)
        ),
    )


class FakeWorld:
    """A cluster in virtual time.

    Attributes:
        failing: why boards fail, by name.
        silent: boards that never answer.
        slow_s: seconds until boards are done; 3 unless named.
        deaf: boards that miss so many datagrams.
        mute: boards whose last words are lost so many times.
        broken: banks whose boot server is away.
        assigned: names in the order in which they were assigned.
        poked: names in the order in which they were asked to look.
    """

    def __init__(self, banks: dict[int, int]) -> None:
        self.fleet = fleet_of_banks(banks)
        self.seconds = 0.0
        self.failing: dict[str, str] = {}
        self.silent: set[str] = set()
        self.slow_s: dict[str, float] = {}
        self.deaf: dict[str, int] = {}
        self.mute: dict[str, int] = {}
        self.broken: set[int] = set()
        self.assigned: list[str] = []
        self.poked: list[str] = []
        self.order, self.version = ORDER, "1"
        self.at: list[tuple[float, Callable[[], object]]] = []
        self._due: list[tuple[float, int, Answer]] = []
        self._count = 0

    def names(self, bank: int) -> list[str]:
        return [board.name for board in self.fleet.by_bank[bank]]

    def now(self) -> float:
        return self.seconds

    def assign(self, bank: int, boards: Sequence[str], poke: Collection[str]) -> None:
        if bank in self.broken:
            raise refusal("the boot server is away")
        self.assigned += boards
        self.poke(bank, poke)

    def poke(self, bank: int, boards: Collection[str]) -> None:
        if bank in self.broken:
            raise refusal("the boot server is away")
        for name in boards:
            self.poked.append(name)
            if self.deaf.get(name, 0) > 0:
                self.deaf[name] -= 1
            elif name not in self.silent:
                self._look(name)

    def _look(self, name: str) -> None:
        self.say(name, "starting", 0.5)
        if self.mute.get(name, 0) > 0:
            self.mute[name] -= 1
            return
        done_s = self.slow_s.get(name, 3.0)
        if name in self.failing:
            self.say(name, "failed", done_s, self.failing[name])
        else:
            self.say(name, "ok" if self.version else "gone", done_s)

    def say(self, name: str, state: str, in_s: float, reason: str = "", **other: Any) -> None:
        """Let a board say something some seconds from now."""
        said = {"version": self.version, "order": self.order, **other}
        self._count += 1
        answer = Answer(name, state, reason=reason, **said)
        heapq.heappush(self._due, (self.seconds + in_s, self._count, answer))

    def take(self, timeout_s: float) -> Sequence[Answer]:
        end = self.seconds + max(timeout_s, 0.01)
        if self._due and self._due[0][0] <= end:
            self.seconds = max(self.seconds, self._due[0][0])
        else:
            self.seconds = end
        while self.at and self.at[0][0] <= self.seconds:
            self.at.pop(0)[1]()
        found = []
        while self._due and self._due[0][0] <= self.seconds:
            found.append(heapq.heappop(self._due)[2])
        return found


def engine_of(
    world: FakeWorld,
    *,
    budget: int = 3,
    unchanged: Collection[str] = (),
    absent: Collection[str] = (),
) -> Engine:
    """A roll-out to every board of a world."""
    names = [board.name for board in world.fleet.boards]
    batches = batches_of(world.fleet, names, set(names) - set(absent))
    job = Job("test", "deploy", "example", world.version, world.order, budget, PATIENCE)
    why = dict.fromkeys(absent, "at stage off")
    return Engine(job, batches, unchanged, why, World(world, world, world))


def roll(world: FakeWorld, **options: Any) -> Report:
    """Run a roll-out to its end."""
    return engine_of(world, **options).run()

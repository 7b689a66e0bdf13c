"""How warm boards get: by their own power, by their neighbours, by where they stand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from twin.virtual.simulation import Simulation


@dataclass(frozen=True, slots=True)
class Climate:
    """Degrees Celsius that each cause adds once everything is warm, and how long that takes.

    Assumed values: a 3B+ at work in still air runs at 50 to 60 °C, and the lower half of the real
    cluster overheated.

    Attributes:
        ambient: of the room.
        own: of a bank that has power.
        neighbour: of each bank next to it in its rack that has power.
        rack: of each bank of its rack that has power.
        lower: of the lower half of a rack.
        hot_spot: of a bank that stands where no air moves.
        seconds: until about two thirds of a change have happened.
    """

    ambient: float = 26.0
    own: float = 24.0
    neighbour: float = 2.0
    rack: float = 0.5
    lower: float = 4.0
    hot_spot: float = 18.0
    seconds: float = 400.0


class Heat:
    """Temperatures of banks, exact at every moment without stepping through time.

    Args:
        simulation: gives the time.
        racks: numbers of the banks of each rack, from the top.
        hot_spots: numbers of the banks that stand badly.
        climate: what adds how much.
    """

    def __init__(
        self,
        simulation: Simulation,
        racks: Mapping[int | None, Iterable[int]],
        hot_spots: Iterable[int],
        climate: Climate,
    ) -> None:
        self._simulation = simulation
        self._climate = climate
        self._hot = frozenset(hot_spots)
        self._racks = [tuple(banks) for banks in racks.values()]
        self._rack_of = {bank: rack for rack in self._racks for bank in rack}
        self._place = {bank: n for rack in self._racks for n, bank in enumerate(rack)}
        self._on: set[int] = set()
        self._base = dict.fromkeys(self._rack_of, climate.ambient)
        self._target = dict(self._base)
        self._since = dict.fromkeys(self._rack_of, 0.0)

    def switch(self, bank: int, *, on: bool) -> None:
        """A bank gets or loses power."""
        if on == (bank in self._on):
            return
        rack = self._rack_of[bank]
        for other in rack:
            self._base[other] = self.of(other)
            self._since[other] = self._simulation.now
        (self._on.add if on else self._on.discard)(bank)
        powered = sum(other in self._on for other in rack)
        for other in rack:
            self._target[other] = self._goal(other, rack, powered)

    def _goal(self, bank: int, rack: tuple[int, ...], powered: int) -> float:
        climate, place = self._climate, self._place[bank]
        goal = climate.ambient + climate.rack * powered
        for beside in (place - 1, place + 1):
            if 0 <= beside < len(rack) and rack[beside] in self._on:
                goal += climate.neighbour
        if bank in self._on:
            goal += climate.own
            goal += climate.lower if 2 * place >= len(rack) else 0.0
            goal += climate.hot_spot if bank in self._hot else 0.0
        return goal

    def of(self, bank: int) -> float:
        """The temperature of a bank's boards, on average."""
        left = math.exp((self._since[bank] - self._simulation.now) / self._climate.seconds)
        return self._target[bank] + (self._base[bank] - self._target[bank]) * left

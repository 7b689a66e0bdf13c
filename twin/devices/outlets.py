"""The outlets of a simulated PDU: their states, their delays, who is told, and stuck relays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

#: Told about an outlet that has switched: its number, and whether it is on.
OnSwitch = Callable[[int, bool], None]


@dataclass(frozen=True, slots=True)
class Switched:
    """One change of an outlet.

    Attributes:
        outlet: its number.
        on: whether it went on.
        at: ``time.monotonic()``.
    """

    outlet: int
    on: bool
    at: float


class Outlets:
    """Relays that switch when they are told to, or a little later, or never.

    Attributes:
        stuck: outlets that do not move.
        delay_s: seconds between the command and the relay.
        history: every change, in order.
    """

    def __init__(
        self,
        count: int = 5,
        *,
        on: Collection[int] = (),
        names: Mapping[int, str] | None = None,
        on_switch: OnSwitch | None = None,
        delay_s: float = 0.0,
        stuck: Collection[int] = (),
    ) -> None:
        """Make them.

        Args:
            count: number of outlets.
            on: those that begin on.
            names: what the PDU calls them; ``Outlet1`` and so on unless given.
            on_switch: told about every change, in the thread it happens in.
            delay_s: see the attribute.
            stuck: see the attribute.
        """
        self.stuck = set(stuck)
        self.delay_s = delay_s
        self.history: list[Switched] = []
        self._names = dict(names or {})
        self._on_switch = on_switch
        self._states = {number: number in on for number in range(1, count + 1)}
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []

    def __len__(self) -> int:
        return len(self._states)

    def __contains__(self, number: object) -> bool:
        return number in self._states

    def on(self, number: int) -> bool:
        """Whether an outlet has power."""
        return self._states[number]

    @property
    def states(self) -> dict[int, bool]:
        """Every outlet, by number."""
        return dict(self._states)

    def name(self, number: int) -> str:
        """What the PDU calls an outlet."""
        return self._names.get(number, f"Outlet{number}")

    def set(self, number: int, on: bool) -> None:
        """Switch an outlet, after the delay."""
        if self.delay_s:
            self._later(self.delay_s, number, on)
        else:
            self._move(number, on)

    def toggle(self, number: int) -> None:
        """Switch an outlet to the other state."""
        self.set(number, not self._states[number])

    def reboot(self, number: int, off_s: float) -> None:
        """Switch an outlet off and, later, on."""
        self._move(number, False)
        self._later(off_s, number, True)

    def _later(self, seconds: float, number: int, on: bool) -> None:
        timer = threading.Timer(seconds, self._move, (number, on))
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _move(self, number: int, on: bool) -> None:
        with self._lock:
            if number in self.stuck or self._states[number] == on:
                return
            self._states[number] = on
            self.history.append(Switched(number, on, time.monotonic()))
        if self._on_switch is not None:
            self._on_switch(number, on)

    def stop(self) -> None:
        """Call off what was to switch later."""
        for timer in self._timers:
            timer.cancel()

"""What a campaign needs of the world: a clock, power, signs of boards, services that answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from picluster.campaign.events import Alarm, Event


class Clock(Protocol):
    """Two times of one machine."""

    def now(self) -> float:
        """Seconds that only go forward while the machine runs; every interval is made of these."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 as the machine believes; for people, and for a restarted machine."""
        ...

    def boot(self) -> str:
        """Names the run of the machine in which :meth:`now` counts."""
        ...


class Verb(StrEnum):
    """What is asked of power."""

    ON = "on"
    OFF = "off"
    CYCLE = "cycle"  # of a single board
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class PowerOrder:
    """One thing asked of power.

    Attributes:
        number: names the order within its journal, rising.
        verb: what.
        banks: numbers of the banks, which share their outlets; empty for a single board.
        board: the node's name, for a single board.
    """

    number: int
    verb: Verb
    banks: tuple[int, ...] = ()
    board: str = ""

    def __str__(self) -> str:
        whose = self.board or ", ".join(f"bank {number}" for number in self.banks)
        return f"{self.verb} {whose}"


@dataclass(frozen=True, slots=True)
class PowerResult:
    """How an order ended.

    Attributes:
        order: the order.
        at: when, in seconds of the campaign's clock: for ``on`` and ``cycle`` when power came.
        done: the PDU itself said that it is so; for ``status`` that it answered.
        on: whether there is power now, ``None`` when nobody knows.
        why: why it is not done; printable.
    """

    order: PowerOrder
    at: float
    done: bool
    on: bool | None = None
    why: str = ""


class PowerControl(Protocol):
    """Switches banks and boards, verified, without making anybody wait.

    A dead PDU fails the orders that need it, within a bounded time, and no others.
    """

    def alone(self, board: str) -> bool:
        """Whether a board can be cycled without another one losing power."""
        ...

    def sharing(self, bank: int) -> Sequence[int]:
        """Numbers of the banks that lose power with a bank, itself included, ascending."""
        ...

    def submit(self, order: PowerOrder) -> None:
        """Begin an order; its :class:`PowerResult` comes through the inbox."""
        ...


Arrival = Event | Alarm | PowerResult


@dataclass(frozen=True, slots=True)
class Batch:
    """What arrived.

    Attributes:
        arrivals: in the order they were seen.
        position: where the reading of the logs stands after them, for a campaign that resumes;
            empty where nothing was read.
        behind: more is there that was written before now: the present is not reached yet.
    """

    arrivals: Sequence[Arrival] = ()
    position: str = ""
    behind: bool = False


class Inbox(Protocol):
    """Where signs of boards and results of orders arrive."""

    @property
    def refused(self) -> Mapping[str, int]:
        """Log lines and messages that were not believed, by reason."""
        ...

    def begin(self, position: str) -> bool:
        """Begin to read.

        Args:
            position: of the last batch a campaign before this one has kept; empty for now.

        Returns:
            Whether nothing between that position and now is lost.
        """
        ...

    def take(self, timeout_s: float) -> Batch:
        """Wait until something is there or the time is over; empty then."""
        ...


@dataclass(frozen=True, slots=True)
class ServiceState:
    """Whether a service of a boot server does its work.

    Attributes:
        name: ``DHCP on mini-head``.
        ready: it answered as a board needs it.
        why: what it did instead, and what to do; printable.
    """

    name: str
    ready: bool
    why: str = ""


class Services(Protocol):
    """The services boards need."""

    def check(self, banks: Iterable[int]) -> Sequence[ServiceState]:
        """Try every service that boards of these banks need, as a board would.

        Takes a few seconds at most.
        """
        ...

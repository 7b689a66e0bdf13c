"""What a roll-out needs of the world."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What a board says of the roll-out's workload.

    Attributes:
        board: its name.
        state: ``starting``, ``ok``, ``failed`` or ``gone``.
        version: empty with ``gone``.
        order: name of the roll-out it answers.
        reason: its own words; printable.
    """

    board: str
    state: str
    version: str
    order: str
    reason: str = ""


class Clock(Protocol):
    """Seconds that only go on."""

    def now(self) -> float:
        """The present."""
        ...


class Servers(Protocol):
    """The boot servers, which hold what nodes are assigned."""

    def assign(self, bank: int, boards: Sequence[str], poke: Collection[str]) -> None:
        """Assign the roll-out's version to boards of a bank, and ask boards to look.

        Raises:
            PiclusterError: the bank's boot server cannot be reached, or somebody else has changed
                what is assigned meanwhile; nothing was assigned.
        """
        ...

    def poke(self, bank: int, boards: Collection[str]) -> None:
        """Ask boards of a bank to look again.

        Raises:
            PiclusterError: its boot server cannot be reached.
        """
        ...


class Answers(Protocol):
    """What boards say."""

    def take(self, timeout_s: float) -> Sequence[Answer]:
        """Wait until something is there or the time is over; empty then."""
        ...

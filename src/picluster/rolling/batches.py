"""Batches follow banks: the canary bank first, or one board of it that has an outlet of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from picluster.campaign.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Batch:
    """Boards that reboot together.

    Attributes:
        bank: number of their bank.
        boards: their names, by slot.
        canary: it is the one board that tries it first.
    """

    bank: int
    boards: tuple[str, ...]
    canary: bool = False

    @property
    def title(self) -> str:
        """For people."""
        return f"bank {self.bank}, canary" if self.canary else f"bank {self.bank}"


def batches_of(
    fleet: Fleet,
    names: Iterable[str],
    canary_bank: int | None,
    first: Callable[[str], bool],
) -> list[Batch]:
    """The batches, in order.

    A canary board that does not come back can only be cycled where no other board loses power by
    that; otherwise the canary bank is the first batch as a whole.

    Args:
        fleet: the boards.
        names: boards that are meant.
        canary_bank: the bank to begin with, where it is among them.
        first: whether a board can be the canary: it would reboot, and can be cycled alone.
    """
    wanted = set(names)
    banks: dict[int, list[str]] = {}
    for board in fleet.boards:
        if board.name in wanted:
            banks.setdefault(board.bank, []).append(board.name)
    batches: list[Batch] = []
    for bank in sorted(banks, key=lambda bank: bank != canary_bank):
        boards = banks[bank]
        canary = next((name for name in boards if first(name)), "") if not batches else ""
        if canary and len(boards) > 1:
            batches.append(Batch(bank, (canary,), canary=True))
            boards = [name for name in boards if name != canary]
        batches.append(Batch(bank, tuple(boards)))
    return batches

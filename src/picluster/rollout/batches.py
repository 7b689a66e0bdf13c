"""Batches follow banks: a canary, the rest of its bank, then bank by bank."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from picluster.campaign.fleet import Board, Fleet


@dataclass(frozen=True, slots=True)
class Batch:
    """Boards that get a workload together.

    Attributes:
        bank: number of their bank.
        boards: names of those that are ready, by slot.
        absent: of the bank's boards, those that are not; the bank's last batch names them.
        canary: it is the one board that tries it first.
    """

    bank: int
    boards: tuple[str, ...]
    absent: tuple[str, ...] = ()
    canary: bool = False

    @property
    def name(self) -> str:
        """For people."""
        return f"bank {self.bank}, canary" if self.canary else f"bank {self.bank}"


def batches_of(
    fleet: Fleet, names: Iterable[str], ready: Collection[str], canary_bank: int | None = None
) -> list[Batch]:
    """The batches of a roll-out, in order.

    Args:
        fleet: the boards.
        names: boards that are meant.
        ready: those that are ready.
        canary_bank: the bank to begin with, where it is among them.
    """
    banks: dict[int, list[Board]] = {}
    wanted = set(names)
    for board in fleet.boards:
        if board.name in wanted:
            banks.setdefault(board.bank, []).append(board)
    batches: list[Batch] = []
    tried = False
    for bank in sorted(banks, key=lambda bank: bank != canary_bank):
        up = tuple(board.name for board in banks[bank] if board.name in ready)
        down = tuple(board.name for board in banks[bank] if board.name not in ready)
        if up and not tried:
            tried = True
            if len(up) > 1:
                batches.append(Batch(bank, up[:1], canary=True))
                up = up[1:]
        batches.append(Batch(bank, up, down))
    return batches

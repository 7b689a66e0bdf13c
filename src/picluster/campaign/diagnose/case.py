"""What a diagnosis is made of."""

from __future__ import annotations

from dataclasses import dataclass

from picluster.campaign.fleet import Board
from picluster.campaign.progress import Progress, Trouble


@dataclass(frozen=True, slots=True)
class BankFacts:
    """The bank a board belongs to, as far as it explains the board.

    Attributes:
        boards: boards that are expected to boot.
        silent: those of them that gave no sign since power-on.
        ready: those that are ready.
        powered: its outlet is verified on; ``None`` when nobody knows.
        off: what keeps it without power: ``pdu``, ``heat``, ``held``, or empty.
        trouble: more about that, a clause.
    """

    boards: int = 1
    silent: int = 0
    ready: int = 0
    powered: bool | None = True
    off: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A board to diagnose.

    Attributes:
        board: the board.
        progress: what is known of it.
        bank: its bank.
        hard_temp_c: temperature at which boards fail, degrees Celsius.
        peers: for an address that two boards used, the other one's name.
    """

    board: Board
    progress: Progress
    bank: BankFacts = BankFacts()
    hard_temp_c: float = 83.0
    peers: str = ""

    def has(self, trouble: Trouble) -> bool:
        """Whether that went wrong in this boot."""
        return trouble in self.progress.troubles

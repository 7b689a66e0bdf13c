"""Boards by outcome, in total and by bank, and when too many are lost: of roll-outs and reboots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from io import StringIO
from typing import Protocol

from rich.console import Console
from rich.table import Table

#: Columns of a table that is text.
_COLUMNS = 160


class Result(Protocol):
    """How it is with a board."""

    @property
    def name(self) -> str:
        """The board's name."""

    @property
    def bank(self) -> int:
        """Its bank."""

    @property
    def outcome(self) -> StrEnum:
        """How it ended."""

    @property
    def reason(self) -> str:
        """Why."""


def counted(kinds: type[StrEnum], boards: Iterable[Result]) -> dict[str, int]:
    """Boards by outcome, every outcome named.

    Args:
        kinds: the outcomes there are.
        boards: the boards.
    """
    found = Counter(board.outcome.value for board in boards)
    return {outcome.value: found[outcome.value] for outcome in kinds}


def by_bank(kinds: type[StrEnum], boards: Iterable[Result]) -> dict[int, dict[str, int]]:
    """The same of each bank, in the order of the boards."""
    banks: dict[int, list[Result]] = {}
    for board in boards:
        banks.setdefault(board.bank, []).append(board)
    return {bank: counted(kinds, of_it) for bank, of_it in banks.items()}


def too_many(lost: int, kept: int, budget: int) -> bool:
    """The stop rule: whether no further batch is touched after one of these numbers.

    More boards are lost than the budget allows, or some are and none of the batch is well: a canary
    that is lost stops it whatever the budget.

    Args:
        lost: boards of the batch that are lost.
        kept: boards of it that are well.
        budget: boards a batch may lose.
    """
    return lost > budget or (lost > 0 and not kept)


def bank_table(counts: Mapping[str, int], banks: Mapping[int, Mapping[str, int]]) -> Table:
    """One row for each bank, one column for each outcome that occurs."""
    occurring = [name for name, count in counts.items() if count]
    table = Table(box=None, pad_edge=False)
    for column in ("bank", "boards", *occurring):
        table.add_column(column, justify="right", no_wrap=True)
    for bank, of_it in banks.items():
        cells = (str(of_it[name]) for name in occurring)
        table.add_row(str(bank), str(sum(of_it.values())), *cells)
    return table


def board_table(boards: Iterable[Result], quiet: Collection[StrEnum]) -> Table:
    """One row for each board, but for those whose outcome is no news."""
    table = Table(box=None, pad_edge=False)
    for column in ("board", "state"):
        table.add_column(column, no_wrap=True)
    table.add_column("why")
    for board in boards:
        if board.outcome not in quiet:
            table.add_row(board.name, board.outcome.value, board.reason)
    return table


def text_of(*tables: Table) -> list[str]:
    """Tables as lines of text; one without rows is left out."""
    out = Console(file=StringIO(), width=_COLUMNS, markup=False, highlight=False, emoji=False)
    for table in tables:
        if table.row_count:
            out.print(table)
    assert isinstance(out.file, StringIO)  # noqa: S101 - made above
    return [line.rstrip() for line in out.file.getvalue().splitlines()]

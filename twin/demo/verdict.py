"""A campaign's report beside what really happened."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from twin.cluster.campaign import down_of, verdict_of

if TYPE_CHECKING:
    from twin.cluster import LiveTwin


def show(out: Console, twin: LiveTwin, report: dict[str, Any]) -> bool:
    """Print it; whether the report is right about every board."""
    boards = twin.truth.boards()
    down, verdict = down_of(report), verdict_of(twin, report)
    faulty = [board for board in boards.values() if not board.ready or board.name in down]
    if faulty:
        table = Table(box=None, pad_edge=False)
        for column in ("board", "boots", "what was wrong", "what the campaign says"):
            table.add_column(column)
        for board in faulty:
            why = board.ended or board.fault or board.step
            said = " ".join(down.get(board.name, ("ready", "")))
            table.add_row(board.name, str(board.boots), why, said)
        out.print(table)
    tries = Counter(board.boots for board in boards.values())
    boots = ", ".join(f"{count} boards {number} times" for number, count in sorted(tries.items()))
    out.print(f"{verdict.ready} of {verdict.healthy} healthy boards are ready; power: {boots}")
    out.print(
        f"{verdict.named} of {verdict.faulty} others are named with the right stage and cause"
    )
    for line in verdict.wrong:
        out.print(f"WRONG {line}", markup=False)
    return verdict.right

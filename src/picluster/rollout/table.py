"""A roll-out for people: tables of its report."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.table import Table

from picluster.rollout.report import Outcome, Report

#: Columns of a table that is text.
_COLUMNS = 160
_WELL = frozenset({Outcome.OK, Outcome.UNCHANGED})


def bank_table(report: Report) -> Table:
    """One row for each bank, one column for each outcome that occurs."""
    occurring = [name for name, count in report.counts.items() if count]
    table = Table(box=None, pad_edge=False)
    for column in ("bank", "boards", *occurring):
        table.add_column(column, justify="right", no_wrap=True)
    for bank, counts in report.banks.items():
        table.add_row(
            str(bank), str(sum(counts.values())), *(str(counts[name]) for name in occurring)
        )
    return table


def board_table(report: Report) -> Table:
    """One row for each board that has not what it was to have, those that were left out aside."""
    table = Table(box=None, pad_edge=False)
    for column in ("board", "state"):
        table.add_column(column, no_wrap=True)
    table.add_column("why")
    for board in report.boards:
        if board.outcome not in _WELL | {Outcome.UNTOUCHED}:
            table.add_row(board.name, board.outcome.value, board.reason)
    return table


def summary(report: Report) -> list[str]:
    """The report in a few sentences."""
    counts = [f"{count} {name}" for name, count in report.counts.items() if count]
    what = f"{report.workload} {report.version or '(none of it)'}"
    lines = [f"{report.action} {what}: {', '.join(counts)}; {report.seconds:.1f} s"]
    if report.stopped:
        lines.append(f"stopped: {report.stopped}")
    return [*lines, *report.notices]


def report_lines(report: Report) -> list[str]:
    """All of it as text."""
    out = Console(file=StringIO(), width=_COLUMNS, markup=False, highlight=False, emoji=False)
    out.print(bank_table(report))
    boards = board_table(report)
    if boards.row_count:
        out.print(boards)
    assert isinstance(out.file, StringIO)  # noqa: S101 - made above
    return [line.rstrip() for line in out.file.getvalue().splitlines()] + summary(report)

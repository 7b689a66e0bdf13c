"""A rolling reboot for people: tables of its report."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

from rich.console import Console
from rich.table import Table

from picluster.rolling.folding import folded
from picluster.rolling.report import BoardResult, Outcome, Report

#: Columns of a table that is text.
_COLUMNS = 160
_QUIET = frozenset({Outcome.OK, Outcome.UNCHANGED, Outcome.UNTOUCHED})


def words_of(results: Iterable[BoardResult]) -> str:
    """Results in one clause: ``40 ok, 2 failed``."""
    counts = dict.fromkeys(Outcome, 0)
    for result in results:
        counts[result.outcome] += 1
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)


def report_lines(report: Report) -> list[str]:
    """A row for each bank, one for each board that is not as wanted, and the sums."""
    out = Console(file=StringIO(), width=_COLUMNS, markup=False, highlight=False, emoji=False)
    out.print(_bank_table(report))
    boards = _board_table(report)
    if boards.row_count:
        out.print(boards)
    assert isinstance(out.file, StringIO)  # noqa: S101 - made above
    lines = [line.rstrip() for line in out.file.getvalue().splitlines()]
    lines.append(f"reboot: {words_of(report.boards) or 'no board'}; {report.seconds:.1f} s")
    if report.stopped:
        lines.append(f"stopped: {report.stopped}")
    if report.drained:
        lines.append(f"drained and not resumed: {folded(report.drained)}")
    return [*lines, *report.notices]


def _bank_table(report: Report) -> Table:
    occurring = [name for name, count in report.counts.items() if count]
    table = Table(box=None, pad_edge=False)
    for column in ("bank", "boards", *occurring):
        table.add_column(column, justify="right", no_wrap=True)
    for bank, counts in report.banks.items():
        cells = (str(counts[name]) for name in occurring)
        table.add_row(str(bank), str(sum(counts.values())), *cells)
    return table


def _board_table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("board", "state"):
        table.add_column(column, no_wrap=True)
    table.add_column("why")
    for board in report.boards:
        if board.outcome not in _QUIET:
            table.add_row(board.name, board.outcome.value, board.reason)
    return table

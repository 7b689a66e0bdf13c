"""A campaign for people: tables of its report."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

from rich.console import Console, RenderableType
from rich.table import Table

from picluster.campaign.report import BELOW, QUORUM, BankReport, BoardReport, Report

#: Columns of a table that is text.
_COLUMNS = 160
_VERDICTS = {QUORUM: "every bank has its quorum", BELOW: "below the quorum"}


def bank_table(banks: Iterable[BankReport]) -> Table:
    """One row for each bank."""
    table = Table(box=None, pad_edge=False)
    for column in ("bank", "ready", "attempts", "minutes"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("ended", no_wrap=True)
    table.add_column("why")
    for bank in banks:
        minutes = "" if bank.minutes is None else f"{bank.minutes:.1f}"
        ready = f"{bank.ready}/{bank.boards}"
        table.add_row(str(bank.bank), ready, str(bank.attempts), minutes, bank.phase, bank.why)
    return table


def board_table(boards: Iterable[BoardReport]) -> Table:
    """One row for each board that is not ready, with the last line of its evidence below."""
    table = Table(box=None, pad_edge=False)
    for column in ("board", "place", "stage", "state", "tries"):
        table.add_column(column, no_wrap=True)
    table.add_column("cause; remedy")
    for board in boards:
        rack = "" if board.rack is None else f"rack {board.rack} "
        place = f"{rack}row {board.row} slot {board.slot}"
        words = f"{board.cause}; {board.remedy}"
        if board.evidence:
            words += f"\n{board.evidence[-1]}"
        table.add_row(board.name, place, board.stage, board.state, str(board.attempts), words)
    return table


def summary(report: Report) -> list[str]:
    """The report in a few sentences."""
    lines = [
        f"{report.ready} of {report.boards} boards are ready: {report.booted} at the first "
        f"attempt, {report.retried} later; {report.minutes:.1f} min, {report.megabytes:.0f} MB"
    ]
    down = [
        f"{count} {word}"
        for word, count in (
            ("failed", report.failed),
            ("quarantined", report.quarantined),
            ("unplugged", report.unplugged),
            ("without power", report.off),
        )
        if count
    ]
    if down:
        lines.append(", ".join(down))
    if report.quarantined and report.spares:
        lines.append(f"spares: {', '.join(report.spares)}")
    lines += [f"ALARM {alarm}" for alarm in report.alarms]
    refused = sum(report.refused.values())
    if refused:
        what = "log line or message was" if refused == 1 else "log lines or messages were"
        lines.append(f"{refused} {what} not believed")
    lines.append(_VERDICTS.get(report.status, "interrupted; the same command goes on with it"))
    return lines


def report_lines(report: Report) -> list[str]:
    """The whole report as lines of text."""
    lines = _lines(bank_table(report.banks))
    if report.down:
        lines += ["", *_lines(board_table(report.down))]
    return [*lines, "", *summary(report)]


def _lines(table: RenderableType) -> list[str]:
    out = Console(file=StringIO(), width=_COLUMNS, markup=False, highlight=False, emoji=False)
    with out.capture() as capture:
        out.print(table)
    return [line.rstrip() for line in capture.get().splitlines()]

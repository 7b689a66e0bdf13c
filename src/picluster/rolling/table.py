"""A rolling reboot for people: tables of its report."""

from __future__ import annotations

from collections.abc import Iterable

from picluster.rolling.folding import folded
from picluster.rolling.report import BoardResult, Outcome, Report
from picluster.tally import bank_table, board_table, text_of

_QUIET = frozenset({Outcome.OK, Outcome.UNCHANGED, Outcome.UNTOUCHED})


def words_of(results: Iterable[BoardResult]) -> str:
    """Results in one clause: ``40 ok, 2 failed``."""
    counts = dict.fromkeys(Outcome, 0)
    for result in results:
        counts[result.outcome] += 1
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)


def report_lines(report: Report) -> list[str]:
    """A row for each bank, one for each board that is not as wanted, and the sums."""
    tables = bank_table(report.counts, report.banks), board_table(report.boards, _QUIET)
    lines = text_of(*tables)
    lines.append(f"reboot: {words_of(report.boards) or 'no board'}; {report.seconds:.1f} s")
    if report.stopped:
        lines.append(f"stopped: {report.stopped}")
    if report.drained:
        lines.append(f"drained and not resumed: {folded(report.drained)}")
    return [*lines, *report.notices]

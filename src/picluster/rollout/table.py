"""A roll-out for people: tables of its report."""

from __future__ import annotations

from picluster.rollout.report import Outcome, Report
from picluster.tally import bank_table, board_table, text_of

_QUIET = frozenset({Outcome.OK, Outcome.UNCHANGED, Outcome.UNTOUCHED})


def summary(report: Report) -> list[str]:
    """The report in a few sentences."""
    counts = [f"{count} {name}" for name, count in report.counts.items() if count]
    what = f"{report.workload} {report.version or '(none of it)'}"
    lines = [f"{report.action} {what}: {', '.join(counts)}; {report.seconds:.1f} s"]
    if report.stopped:
        lines.append(f"stopped: {report.stopped}")
    return [*lines, *report.notices]


def report_lines(report: Report) -> list[str]:
    """A row for each bank, one for each board that has not what it was to have, and the sums."""
    tables = bank_table(report.counts, report.banks), board_table(report.boards, _QUIET)
    return [*text_of(*tables), *summary(report)]

"""How findings and the outcome of a harvest are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from picluster.cluster.model import Cluster
from picluster.reconcile.model import Finding, Kind, Outcome

_ORDER = {kind: number for number, kind in enumerate(Kind)}


def print_findings(out: Console, findings: Iterable[Finding]) -> None:
    """Print findings by kind, every side of each; disagreements before notices."""
    ordered = sorted(findings, key=lambda finding: _ORDER[finding.kind])
    for kind, group in groupby(ordered, key=lambda finding: finding.kind):
        members = list(group)
        style = "bold red" if members[0].disputed else "bold"
        out.print(Text(f"\n{kind.value} ({len(members)})", style=style))
        for finding in members:
            _print(out, finding)


def _print(out: Console, finding: Finding) -> None:
    if len(finding.sides) == 1 and not finding.remedy:
        out.print(f"  {finding.what}  {finding.sides[0]}", soft_wrap=True)
        return
    out.print(f"  {finding.what}", soft_wrap=True)
    for side in finding.sides:
        out.print(f"    {side}", soft_wrap=True)
    if finding.remedy:
        out.print(f"    -> {finding.remedy}", soft_wrap=True)


def print_summary(
    out: Console, cluster: Cluster, outcome: Outcome, *, changed: bool, written: bool
) -> None:
    """Print how many boards of each bank are pinned and seen, and what became of the changes."""
    pinned = Counter(entry.bank for entry in outcome.entries if entry.mac is not None)
    seen = Counter(bank for bank, _ in outcome.seen)
    new = Counter(
        change.key[0]
        for change in outcome.changes
        if change.after is not None
        and change.after.mac is not None
        and (change.before is None or change.before.mac != change.after.mac)
    )
    table = Table(box=None, pad_edge=False)
    for column in ("bank", "slots", "pinned", "new", "seen"):
        table.add_column(column, justify="right")
    for bank in cluster.banks:
        cells = (bank.number, bank.size, pinned[bank.number], new[bank.number], seen[bank.number])
        table.add_row(*map(str, cells))
    out.print()
    out.print(table)
    disputed = sum(finding.disputed for finding in outcome.findings)
    fate = "written" if written else "not written: --write does"
    slots = len(outcome.changes)
    out.print(
        f"{slots} slot{'' if slots == 1 else 's'} "
        + (f"changed, {fate}; " if changed else "changed; ")
        + f"{disputed} disagreement{'' if disputed == 1 else 's'}"
    )

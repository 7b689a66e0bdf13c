"""Apply the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from picluster.campaign.diagnose.case import BankFacts, Case
from picluster.campaign.diagnose.rules import RULES, Cure, Rule
from picluster.campaign.stages import Stage

__all__ = ["BankFacts", "Case", "Diagnosis", "diagnose"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a board is not ready.

    Attributes:
        board: the node's name.
        stage: the stage it failed at.
        key: name of the rule.
        cause: what happened, most likely; a clause.
        remedy: what to do.
        cure: what a power cycle does about it.
        evidence: lines of the logs, or what was not there; printable.
    """

    board: str
    stage: Stage
    key: str
    cause: str
    remedy: str
    cure: Cure
    evidence: tuple[str, ...] = ()


def diagnose(case: Case, lines: Sequence[str] = (), rules: Sequence[Rule] = RULES) -> Diagnosis:
    """Name the cause.

    Args:
        case: the board.
        lines: its last lines of the logs.
        rules: in order; the last one fits everything.
    """
    rule = next(rule for rule in rules if rule.fits(case))
    facts = _facts(case)
    return Diagnosis(
        board=case.board.name,
        stage=case.progress.stage,
        key=rule.key,
        cause=_tidy(rule.cause.format_map(facts)),
        remedy=rule.remedy.format_map(facts),
        cure=rule.cure,
        evidence=tuple(lines) or (_absence(case),),
    )


def _facts(case: Case) -> dict[str, str]:
    progress, health = case.progress, case.progress.health
    port = f" {case.board.port} of {case.board.switch}" if case.board.port else ""
    return {
        "address": case.board.address,
        "mac": str(case.board.mac),
        "port": port,
        "stage": progress.stage.value,
        "trouble": case.bank.trouble,
        "peer": case.peers or progress.reason,
        "reason": progress.reason,
        "discovers": _times(progress.discovers),
        "firmware": _times(progress.firmware),
        "file": progress.last_file or "its first file",
        "temperature": "" if health.temperature is None else f"{health.temperature:.1f} °C",
        "throttled": "" if health.throttled is None else f"{health.throttled:#x}",
    }


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _tidy(text: str) -> str:
    """Without the brackets of a fact nobody knows."""
    return text.replace(" ()", "").replace(": ;", ";").rstrip(": ")


def _absence(case: Case) -> str:
    """What the logs do not say is evidence too."""
    bank, who = case.bank, f"{case.board.mac} ({case.board.address})"
    if case.bank.powered is False:
        return f"no line of {who}: bank {case.board.bank} has no power"
    heard = bank.boards - bank.silent
    return (
        f"no line of {who} since power-on; {heard} of {bank.boards} boards of its bank were heard"
    )

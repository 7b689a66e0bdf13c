"""Progress and runs as JSON text, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any

from picluster.campaign.events import Health
from picluster.campaign.progress import Progress, Trouble
from picluster.campaign.runs import BankRun, BoardRun, Phase
from picluster.campaign.stages import Stage

#: Times of each record, which count from the machine's start.
_PROGRESS_TIMES = ("since", "on_at", "began", "moved", "heard")
_RUN_TIMES = ("since", "on_at", "asked_on", "until", "first_on", "done_at")
_PROGRESS_FIELDS = tuple(field.name for field in fields(Progress))
_HEALTH_FIELDS = tuple(field.name for field in fields(Health))


def progress_text(progress: Progress, lines: Iterable[str]) -> str:
    """A board's progress and evidence as text."""
    values = {name: getattr(progress, name) for name in _PROGRESS_FIELDS}
    values["troubles"] = sorted(progress.troubles)
    values["health"] = [getattr(progress.health, name) for name in _HEALTH_FIELDS]
    return json.dumps([values, list(lines)], separators=(",", ":"))


def progress_of(text: str, shift: float) -> tuple[Progress, tuple[str, ...]]:
    """The progress and evidence of a text.

    Args:
        text: of :func:`progress_text`.
        shift: what to add to every time.
    """
    values, lines = json.loads(text)
    _moved(values, _PROGRESS_TIMES, shift)
    fell = values["fell_from"]
    values.update(
        stage=Stage(values["stage"]),
        fell_from=Stage(fell) if fell else None,
        files=tuple(values["files"]),
        troubles=frozenset(Trouble(one) for one in values["troubles"]),
        health=Health(*values["health"]),
    )
    return Progress(**values), tuple(lines)


def run_text(run: BankRun) -> str:
    """A bank's run as text."""
    return json.dumps(asdict(run), separators=(",", ":"))


def run_of(text: str, shift: float) -> BankRun:
    """The run of a text."""
    values = json.loads(text)
    _moved(values, _RUN_TIMES, shift)
    return BankRun(**{**values, "phase": Phase(values["phase"]), "banks": tuple(values["banks"])})


def alone_text(run: BoardRun) -> str:
    """A board's own power as text."""
    return json.dumps(asdict(run), separators=(",", ":"))


def alone_of(text: str) -> BoardRun:
    """The power of a text."""
    return BoardRun(**json.loads(text))


def _moved(values: dict[str, Any], names: Iterable[str], shift: float) -> None:
    for name in names:
        if values[name] is not None:
            values[name] += shift

"""PowerMan's client protocol: numbered answer lines, then the prompt."""

from __future__ import annotations

import re

from picluster.power.dialects.table import state_of
from picluster.power.model import OutletState

PROMPT = "powerman> "

_LINE = re.compile(r"(?P<code>[0-9]{3})(?: (?P<text>.*))?")
_STATUS = re.compile(r"(?P<plug>[A-Za-z0-9._-]+): *(?P<state>[a-z]+)")


def answer_lines(text: str) -> list[tuple[int, str]]:
    """The numbered lines of an answer; anything else is left out."""
    lines = (_LINE.fullmatch(line.strip()) for line in text.splitlines())
    return [(int(m["code"]), m["text"] or "") for m in lines if m is not None]


def failure(lines: list[tuple[int, str]]) -> str | None:
    """What an answer says went wrong, or ``None``: codes from 200 to 299 are errors."""
    return next((text or f"code {code}" for code, text in lines if 200 <= code < 300), None)


def plug_states(lines: list[tuple[int, str]]) -> dict[str, OutletState]:
    """States by plug from an answer with host ranges expanded (code 303)."""
    rows = (_STATUS.fullmatch(text.strip()) for code, text in lines if code == 303)
    return {row["plug"]: state_of(row["state"]) for row in rows if row is not None}

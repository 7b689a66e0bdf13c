"""What a user may say of a journal: since when, of which unit."""

from __future__ import annotations

import re
import shlex

from picluster.errors import refusal, shown
from picluster.rolling.command import piped

_AGO = re.compile(r"([1-9]\d{0,5})(s|min|m|h|d)", re.ASCII)
_UNITS = {"s": "s", "min": "min", "m": "min", "h": "h", "d": "d"}
_AT = re.compile(r"\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}(?::\d{2})?)?", re.ASCII)
_UNIT = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9:_.@*?\\-]{0,254}", re.ASCII)


def since_of(text: str) -> str:
    """A time as journalctl takes it.

    Args:
        text: ``90s``, ``30min``, ``1h``, ``2d``, or ``2026-11-26 10:00``.

    Raises:
        PiclusterError: it is something else.
    """
    ago = _AGO.fullmatch(text)
    if ago:
        return f"-{ago[1]}{_UNITS[ago[2]]}"
    if not _AT.fullmatch(text):
        raise refusal(f"{shown(text)} is no time", "1h, 30min, 2d or '2026-11-26 10:00'")
    return text


def check_unit(unit: str) -> str:
    """A unit's name or pattern.

    Raises:
        PiclusterError: it is something else.
    """
    if not _UNIT.fullmatch(unit):
        raise refusal(f"{shown(unit)} is no name of a unit", "such as picluster-work-hello")
    return unit


def journal_command(since: str, unit: str, size: int) -> str:
    """What a board runs to give its journal, the end of it where it is long.

    Args:
        since: as :func:`since_of` gives it.
        unit: its name, or empty for all.
        size: bytes at most.
    """
    words = ["journalctl", "--no-pager", "--quiet", "-o", "short-iso", f"--since={since}"]
    words += [f"--unit={unit}"] if unit else []
    return f'export LC_ALL=C; {piped(shlex.join(words), f"tail -c {size}")}; exit "$s"'

"""Times of logs: with and without year and zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from picluster.harvest.formats.base import Context

#: ``Feb 26 15:35:26``, ``Feb  6 15:35:26.123456``.
SYSLOG_TIME = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?"
#: ISO 8601 with blank or T, with or without fraction and zone.
ISO_TIME = (
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"(?: ?(?:Z|UTC\b|GMT\b|[+-]\d\d:?\d\d))?"
)

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_JOURNAL = re.compile(rf"-- (?:Journal|Logs) begins? at .*, ends? at [A-Z][a-z]{{2}} ({ISO_TIME})")
_ZONE_WORD = re.compile(r" ?(?:UTC|GMT|Z)$")
_LEAP_YEARS_APART = 8
_LATE = timedelta(days=1)


class Clock:
    """Reads the times of one text; knows its year and zone.

    Args:
        context: gives the year and the offset of local times.
    """

    def __init__(self, context: Context) -> None:
        self._zone = timezone(timedelta(seconds=context.utc_offset_s))
        self._newest = context.modified.astimezone(self._zone) + _LATE
        self._last: tuple[str, datetime | None] = ("", None)

    def syslog(self, text: str, year: str | None = None) -> datetime | None:
        """A syslog time in UTC, or ``None`` when there is no such date.

        Args:
            text: as of :data:`SYSLOG_TIME`; to the second.
            year: as printed, or ``None`` for the last such day before the file was changed.
        """
        if text != self._last[0] or year:
            self._last = (text, self._syslog(text, year))
        return self._last[1]

    def _syslog(self, text: str, year: str | None) -> datetime | None:
        try:
            month = _MONTHS.index(text[:3]) + 1
            day, hour = int(text[4:6]), int(text[7:9])
            minute, second = int(text[10:12]), int(text[13:15])
        except ValueError:
            return None
        newest = self._newest.year
        for candidate in [int(year)] if year else range(newest, newest - _LEAP_YEARS_APART, -1):
            try:
                when = datetime(candidate, month, day, hour, minute, second, tzinfo=self._zone)
                # one day of grace, for a file whose offset is not this machine's
                if year or when <= self._newest:
                    return when.astimezone(UTC)
            except (ValueError, OverflowError):
                continue
        return None

    def journal(self, text: str) -> bool:
        """Take the year from journalctl's first line, which says when the journal ends.

        Args:
            text: ``-- Journal begins at …, ends at Sat 2022-02-26 15:51:25 EST. --``

        Returns:
            Whether it was such a line.
        """
        found = _JOURNAL.match(text)
        when = self.iso(found[1]) if found else None
        if when is None:
            return False
        self._newest = when.astimezone(self._zone) + _LATE
        self._last = ("", None)
        return True

    def iso(self, text: str) -> datetime | None:
        """An ISO time in UTC; one without a zone is local. ``None`` when there is no such time."""
        try:
            if " " in text or not text[-1:].isdigit():
                text = _ZONE_WORD.sub("+00:00", text).replace(" +", "+")
            when = datetime.fromisoformat(text)
            return (when if when.tzinfo else when.replace(tzinfo=self._zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None


def epoch(seconds: float) -> datetime | None:
    """Seconds since 1970 as UTC, or ``None`` out of the years a computer knows."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None

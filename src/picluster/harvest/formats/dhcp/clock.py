"""Times of logs: with and without year and zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from picluster.harvest.formats.base import Context

#: ``Feb 26 15:35:26``, ``Feb  6 15:35:26.123456``, ``févr. 6 15:35:26``: months as the tools print.
SYSLOG_TIME = r"(?:[^\W\d_]{3,5}\.?|1?\d月) {1,2}\d{1,2} \d\d:\d\d:\d\d(?:\.\d{1,9})?"
#: ISO 8601 with blank or T, with or without fraction and zone.
ISO_TIME = (
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"(?: ?(?:Z|UTC\b|GMT\b|[+-]\d\d:?\d\d))?"
)

#: How the names of the months begin: English, then German, French, Spanish, Italian, Dutch,
#: Portuguese, Polish and Russian.
_MONTHS: dict[str, int] = {
    beginning: number
    for number, beginnings in enumerate(
        (
            "jan ene gen sty янв",
            "feb fév fev lut фев",
            "mar mär mrz mrt мар",
            "apr avr abr kwi апр",
            "may mai mei mag maj мая май",
            "jun giu cze июн juin",
            "jul lug lip июл juil",
            "aug aoû ago sie авг",
            "sep set wrz сен",
            "oct okt ott out paź окт",
            "nov lis ноя",
            "dec dez déc dic gru дек",
        ),
        1,
    )
    for beginning in beginnings.split()
}
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
        if year:
            return self._syslog(text, year)
        if text != self._last[0]:
            self._last = (text, self._syslog(text, None))
        return self._last[1]

    def _syslog(self, text: str, year: str | None) -> datetime | None:
        try:
            name, day_text, clock = text.split()
            month = _month(name)
            day, hour = int(day_text), int(clock[:2])
            minute, second = int(clock[3:5]), int(clock[6:8])
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


def _month(name: str) -> int:
    """Its number.

    Raises:
        ValueError: no month's name.
    """
    if name.endswith("月"):
        return int(name[:-1])
    low = name.lower()
    number = _MONTHS.get(low[:4]) or _MONTHS.get(low[:3])
    if number is None:
        raise ValueError(name)
    return number


def epoch(seconds: float) -> datetime | None:
    """Seconds since 1970 as UTC, or ``None`` out of the years a computer knows."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None

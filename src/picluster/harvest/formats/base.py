"""What every file format offers to the harvest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from picluster.harvest.observation import Fact

#: A line with its 1-based number, decoded, without its line ending (CR, LF) and any BOM.
Line = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Context:
    """What is known about a file beside its text.

    Attributes:
        source: the name to put into facts and messages.
        modified: time of last change of the file, aware UTC: gives the year (and nothing else) to
            syslog times that lack one, and ``seen`` to tables that carry no time at all.
        utc_offset_s: offset of local times in the text from UTC, seconds.
    """

    source: str
    modified: datetime
    utc_offset_s: int = 0


class Format(Protocol):
    """A file format: recognised by its first lines, read as a stream.

    Attributes:
        name: what ``--format`` takes, lower case with dashes.
        title: one line for ``picluster harvest --list-formats``.
        streams: the text may be of any size; otherwise 16 MiB is the limit.
    """

    name: str
    title: str
    streams: bool

    def matches(self, head: str) -> bool:
        """Whether the first 64 KiB of text are of this format; formats exclude one another."""

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield facts in the order of the text.

        Raises:
            PiclusterError: text that is of this format and broken beyond a row
                (a truncated JSON document, say), with file and line.
        """

"""Text a live source gave, read by the file formats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from picluster.errors import refusal
from picluster.harvest.observation import Fact, Observation, Remark


def now() -> datetime:
    """The time of an observation made now, whole seconds, aware UTC."""
    return datetime.now(UTC).replace(microsecond=0)


def facts_of(text: str, source: str, *, switch: str | None = None) -> Iterator[Fact]:
    """Parse an answer as if it were a file.

    Args:
        text: the whole answer.
        source: name of the live source, put into facts and messages.
        switch: name of the switch the text is from, when the source knows it.

    Raises:
        PiclusterError: no format fits, or the format finds the text broken.
    """
    # The formats bring TextFSM with them: not loaded before there is a text.
    from picluster.harvest.formats.base import Context  # noqa: PLC0415
    from picluster.harvest.formats.detect import detect  # noqa: PLC0415

    if not text.strip():
        raise refusal("the answer is empty", "check the source by hand", file=source)
    kind = detect(text[:65536], source)
    lines = enumerate(text.splitlines(), start=1)
    for fact in kind.parse(lines, Context(source, now())):
        # A live answer has no lines a user could look up.
        if isinstance(fact, Observation):
            yield replace(fact, line=None, switch=switch or fact.switch, seen=fact.seen or now())
        elif isinstance(fact, Remark):
            yield replace(fact, line=None)
        else:
            yield fact

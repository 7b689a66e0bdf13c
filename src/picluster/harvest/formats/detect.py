"""Find the format of a text by its head."""

from __future__ import annotations

from picluster.errors import refusal, shown
from picluster.harvest.formats import FORMATS
from picluster.harvest.formats.base import Format
from picluster.harvest.formats.mixed import Mixed
from picluster.harvest.formats.refused import Refused

_BY_NAME: dict[str, Format] = {form.name: form for form in FORMATS}


def detect(head: str, source: str) -> Format:
    """Give the one format whose ``matches`` holds for the head, or all of them as one.

    Args:
        head: the first 64 KiB of text.
        source: the file, for messages.

    Raises:
        PiclusterError: no format, or one that holds nothing to harvest beside another.
    """
    found = [form for form in FORMATS if form.matches(head)]
    if len(found) == 1:
        return found[0]
    if found:
        mixed = Mixed(tuple(found))
        if any(isinstance(form, Refused) for form in found):
            raise mixed.undecided(source)
        return mixed
    first = next((line for line in head.splitlines() if line.strip()), "")
    raise refusal(
        f"unknown format, beginning {shown(first.strip())}",
        f"known ones: {', '.join(sorted(_BY_NAME))}; --format forces one",
        file=source,
    )


def by_name(name: str) -> Format:
    """Give the format of a name.

    Raises:
        PiclusterError: no such format.
    """
    form = _BY_NAME.get(name)
    if form is None:
        raise refusal(f"no format {shown(name)}", f"known ones: {', '.join(sorted(_BY_NAME))}")
    return form

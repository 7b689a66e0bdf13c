"""Several captures in one file: each format reads its own rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from picluster.errors import PiclusterError, refusal
from picluster.harvest.formats.base import Context, Format, Line
from picluster.harvest.observation import Fact, Observation


class Mixed:
    """What a text is read with that more than one format matches.

    Args:
        forms: those formats.
    """

    streams = False

    def __init__(self, forms: tuple[Format, ...]) -> None:
        self.name = ", ".join(form.name for form in forms)
        self.title = "several captures in one file"
        self._forms = forms

    def matches(self, head: str) -> bool:
        """Whether every one of the formats matches."""
        return all(form.matches(head) for form in self._forms)

    def parse(self, lines: Iterable[Line], context: Context) -> Iterator[Fact]:
        """Yield the facts of all formats in the order of the text.

        A line one format could not read and another did is no remark.

        Raises:
            PiclusterError: two formats claim one line, or one of them refuses the text.
        """
        whole = list(lines)
        read = [list(form.parse(whole, context)) for form in self._forms]
        seen = [{fact.line for fact in facts if isinstance(fact, Observation)} for facts in read]
        if not all(seen) or len(set().union(*seen)) < sum(map(len, seen)):
            raise self.undecided(context.source)
        taken = set().union(*seen)
        facts = [
            fact
            for found in read
            for fact in found
            if isinstance(fact, Observation) or fact.line not in taken
        ]
        yield from sorted(facts, key=lambda fact: fact.line or 0)

    def undecided(self, source: str) -> PiclusterError:
        """The refusal of a text of no one format."""
        return refusal(f"may be {self.name}", "--format decides", file=source)

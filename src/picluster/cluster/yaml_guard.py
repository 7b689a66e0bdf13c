"""Refuse YAML that would exhaust a parser: nesting without end, aliases that explode."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

#: Deeper than any description.
_DEPTH = 32
#: Nodes a document may have once its aliases are expanded.
_NODES = 1_000_000


@dataclass(slots=True)
class _Guard:
    """Counts nodes as if every alias were written out.

    Attributes:
        open: anchor and node count of each collection that is not closed yet.
        sizes: node count of each anchor.
    """

    open: list[tuple[str | None, int]] = field(default_factory=lambda: [(None, 0)])
    sizes: dict[str, int] = field(default_factory=dict)

    def take(self, event: yaml.Event) -> str | None:
        """What is wrong with the document up to this event, or ``None``."""
        if isinstance(event, yaml.CollectionStartEvent):
            self.open.append((event.anchor, 1))
            return f"nested deeper than {_DEPTH}" if len(self.open) > _DEPTH else None
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size = self.open.pop()
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.sizes:
                return f"alias *{event.anchor} stands inside itself or has no anchor"
            anchor, size = None, self.sizes[event.anchor]
        else:
            return None
        if anchor is not None:
            self.sizes[anchor] = size
        parent, sum_ = self.open[-1]
        self.open[-1] = (parent, sum_ + size)
        return f"its aliases expand to more than {_NODES} values" if sum_ + size > _NODES else None


def unsafe(events: Iterable[yaml.Event]) -> tuple[str, int] | None:
    """The first danger in a stream of parser events, and its 1-based line; ``None`` if safe.

    Raises:
        yaml.YAMLError: from the parser.
    """
    guard = _Guard()
    for event in events:
        what = guard.take(event)
        if what is not None:
            return what, event.start_mark.line + 1 if event.start_mark else 1
    return None

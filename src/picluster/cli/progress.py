"""Progress on standard error for anything that takes longer than two seconds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from picluster.cli.common import console
from picluster.errors import printable

T = TypeVar("T")

_QUIET_S = 2.0
_REPEAT_S = 10.0
_CHECK_EVERY = 1024


class Progress:
    """Says what is under way: a live line on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._next = time.monotonic() + _QUIET_S

    def say(self, what: str) -> None:
        """Show a step, if it is time to; names of files in it may hold anything."""
        now = time.monotonic()
        if now < self._next:
            return
        what = printable(what)
        if self._console.is_terminal:
            self._next = now + 0.2
            self._console.print(what, end="\r", overflow="crop", no_wrap=True)
        else:
            self._next = now + _REPEAT_S
            self._console.print(what)

    def count(self, items: Iterable[T], what: str) -> Iterator[T]:
        """Pass items on and show how many there were."""
        for number, item in enumerate(items, 1):
            if number % _CHECK_EVERY == 0:
                self.say(f"{what}: {number} facts")
            yield item

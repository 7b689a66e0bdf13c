"""End long work in order when whoever runs it is interrupted or killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any


class Interrupts:
    """Turns the first SIGINT or SIGTERM into a cancel.

    A context manager, for the main thread.

    Args:
        cancel: called at the first signal.
        second: what takes the next ones; ``None`` for what did before.
    """

    def __init__(self, cancel: Callable[[], object], second: signal.Handlers | None = None) -> None:
        self._cancel = cancel
        self._second = second
        self._parent = os.getppid()
        self._old: dict[int, Any] = {}
        self._caught = 0

    def __enter__(self) -> Interrupts:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._old[number] = signal.signal(number, self._catch)
        return self

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        self._caught = number
        self._cancel()
        for known, old in self._old.items():
            signal.signal(known, old if self._second is None else self._second)

    def orphaned(self) -> None:
        """Cancel where the parent process was killed and could say nothing."""
        if os.getppid() != self._parent:
            self._caught = signal.SIGTERM
            self._cancel()

    def pass_on(self) -> None:
        """Let the signal that was caught do what it does otherwise."""
        if self._caught:
            os.kill(os.getpid(), self._caught)

    def _restore(self) -> None:
        for number, old in self._old.items():
            signal.signal(number, old)

    def __exit__(self, *_: object) -> None:
        self._restore()

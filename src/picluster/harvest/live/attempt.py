"""One attempt at one live source: how far it came, how long it may go on, how it failed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from picluster.errors import PiclusterError, refusal
from picluster.harvest.live.access import Progress


@dataclass(slots=True)
class Attempt:
    """Where an attempt stands in time and in steps.

    Attributes:
        source: the source as the user gave it, ``ssh:sw-11``.
        where: address and port.
        limit_s: seconds it may take in all.
        progress: told about each step.
        started: ``time.monotonic()`` of its begin.
        step: what is being done.
    """

    source: str
    where: str
    limit_s: float
    progress: Progress | None = None
    started: float = field(default_factory=time.monotonic)
    step: str = "connect"

    @property
    def deadline(self) -> float:
        """``time.monotonic()`` of its end."""
        return self.started + self.limit_s

    def left(self) -> float:
        """Seconds left, a little more than nothing at the least."""
        return max(0.1, self.deadline - time.monotonic())

    def at(self, step: str) -> None:
        """Begin a step."""
        self.step = step
        if self.progress is not None:
            self.progress(f"{self.source}: {step}")

    def error(self, what: str, remedy: str) -> PiclusterError:
        """Make the one message of a failed attempt.

        Args:
            what: what happened, printable.
            remedy: what the user does about it.
        """
        seconds = time.monotonic() - self.started
        return refusal(
            f"{self.where}: {what} ({self.step}, after {seconds:.1f} s)", remedy, file=self.source
        )

"""Whose turn it is: one run at a time on a cluster, others are refused or wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from picluster.campaign.journal.lock import RUN, Lock, LockedError, lock_path, refuse_running
from picluster.errors import PiclusterError, refusal

#: What a run does that finds another one: give up, or wait for its end.
Busy = Literal["refuse", "wait"]
_POLL_S = 0.5


class BusyError(PiclusterError):
    """Another run has the cluster; nothing was done."""


class CancelledError(PiclusterError):
    """The run was cancelled before it began; nothing was done."""


class Turn:
    """Holds the cluster for one run while the ``with`` block lasts.

    A file beside the campaigns' journal is locked, so that runs of this package queue up; and
    campaigns that others started are waited for too. Ours lock the journal themselves, below.

    Args:
        journal: of the cluster's campaigns.
        busy: ``refuse`` or ``wait``.
        wait_s: how long to wait at most, seconds; ``None`` for any time.
        cancelled: asked while it waits.
        told: told once why it waits.

    Raises:
        PiclusterError: ``busy`` is neither, or the lock cannot be written.
    """

    def __init__(
        self,
        journal: Path,
        busy: Busy,
        wait_s: float | None,
        cancelled: Callable[[], bool],
        told: Callable[[str], object],
    ) -> None:
        if busy not in ("refuse", "wait"):
            raise refusal(f"busy is {busy!a}", "give 'refuse' or 'wait'")
        if wait_s is not None and not wait_s >= 0:
            raise refusal(f"wait_s {wait_s} is negative", "give seconds, or None for any time")
        self._journal = journal
        self._patient = busy == "wait"
        self._until = None if wait_s is None else time.monotonic() + wait_s
        self._cancelled = cancelled
        self._told = told
        self._lock: Lock | None = None

    def __enter__(self) -> Turn:
        """Take the cluster.

        Raises:
            BusyError: another run has it, or had it for too long.
            CancelledError: cancelled while it waited.
        """
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait(self) -> None:
        said = False
        while (taken := self._try()) is not None:
            if not self._patient or (self._until is not None and time.monotonic() >= self._until):
                raise BusyError(taken.problems)
            if not said:
                self._told(taken.problems[0].what)
                said = True
            if self._cancelled():
                raise CancelledError(refusal("cancelled while another run had it").problems)
            time.sleep(_POLL_S)

    def _try(self) -> LockedError | None:
        """Take it; the refusal where somebody else has it."""
        try:
            if self._lock is None:
                self._lock = Lock(run_lock(self._journal), RUN)
            refuse_running(lock_path(self._journal))
        except LockedError as error:
            return error
        return None

    def __exit__(self, *_: object) -> None:
        """Let the next one have it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def taken(self) -> LockedError | None:
        """The refusal where a campaign that is not ours holds the journal now."""
        try:
            refuse_running(lock_path(self._journal))
        except LockedError as error:
            return error
        return None

    def settled(self, limit_s: float) -> bool:
        """Wait until a campaign of ours has let go of its journal, after its playbook has ended.

        Returns:
            Whether it has within the limit, seconds.
        """
        end = time.monotonic() + limit_s
        while self.taken() is not None:
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_S / 5)
        return True


def run_lock(journal: Path) -> Path:
    """The lock file of runs, beside a journal."""
    return journal.with_name(journal.name + ".run.lock")

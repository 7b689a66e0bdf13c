"""One campaign, roll-out, reboot or run at a time: a lock that its holder's death releases."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from picluster.errors import PiclusterError, Problem, os_errors, shown

CAMPAIGN, ROLLOUT, REBOOT, RUN = "campaign", "rollout", "reboot", "run"
_KINDS = {
    CAMPAIGN: "a campaign",
    ROLLOUT: "a roll-out",
    REBOOT: "a rolling reboot",
    RUN: "a run",
}


class LockedError(PiclusterError):
    """Somebody else holds the lock; nothing was done."""


def lock_path(journal: Path) -> Path:
    """The lock file of a journal."""
    return journal.with_name(journal.name + ".lock")


def _taken(handle: int, path: Path) -> LockedError:
    """The refusal where another process holds the lock; closes the handle."""
    holder = os.read(handle, 64).decode("ascii", "replace").strip()
    os.close(handle)
    process, _, what = holder.partition(" ")
    who = f"process {shown(process)[1:-1]}" if process else "another process"
    kind = _KINDS.get(what, _KINDS[CAMPAIGN])
    remedy = "wait for its end or stop it; it can be resumed"
    return LockedError(Problem(f"{kind} is running already ({who})", remedy, str(path)))


def refuse_running(path: Path) -> None:
    """Refuse while a campaign holds the lock; nothing is made or taken.

    Args:
        path: of the lock file.

    Raises:
        LockedError: a campaign is running.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return  # whoever wants the lock is told what is wrong with it
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _taken(handle, path) from None
    os.close(handle)


class Lock:
    """Holds the lock file beside a journal while it lives.

    Args:
        path: of the lock file.
        what: :data:`CAMPAIGN`, :data:`ROLLOUT`, :data:`REBOOT` or :data:`RUN`, for whoever comes
            second.
        process: the one that is named to them; this one unless given.

    Raises:
        LockedError: somebody else holds it.
        PiclusterError: the file cannot be written.
    """

    def __init__(self, path: Path, what: str = CAMPAIGN, process: int | None = None) -> None:
        with os_errors("open the lock of the journal", path, "run as the user who owns it"):
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(self._handle, path) from None
        os.ftruncate(self._handle, 0)
        number = process or os.getpid()
        words = f"{number}" if what == CAMPAIGN else f"{number} {what}"
        os.pwrite(self._handle, f"{words}\n".encode(), 0)

    def close(self) -> None:
        """Let go."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

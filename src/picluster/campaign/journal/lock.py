"""One campaign at a time: a lock that its holder's death releases."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from picluster.errors import PiclusterError, Problem, os_errors, shown


def lock_path(journal: Path) -> Path:
    """The lock file of a journal."""
    return journal.with_name(journal.name + ".lock")


class LockedError(PiclusterError):
    """Somebody else holds the lock."""


def _taken(handle: int, path: Path, what: str = "a campaign") -> LockedError:
    """The refusal where another process holds the lock; closes the handle."""
    holder = os.read(handle, 64).decode("ascii", "replace").strip()
    os.close(handle)
    who = f"process {shown(holder)[1:-1]}" if holder else "another process"
    remedy = "wait for its end or stop it; it can be resumed"
    return LockedError(Problem(f"{what} is running already ({who})", remedy, str(path)))


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
        what: who holds it, for whoever is refused.

    Raises:
        LockedError: another one holds it.
        PiclusterError: the file cannot be written.
    """

    def __init__(self, path: Path, what: str = "a campaign") -> None:
        with os_errors("open the lock of the journal", path, "run as the user who owns it"):
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(self._handle, path, what) from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

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

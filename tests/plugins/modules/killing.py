"""Run something in a process that ends without warning at its n-th change of the file system."""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Callable, Iterator

#: A killed process loses nothing the kernel has; the disk would only cost time here.
NO_DISK = ("fsync", "sync")
_CHANGES = ("mkdir", "rename", "replace", "rmdir", "symlink", "unlink")
_KILLED = 77


def runs_killed(work: Callable[[], object], most: int = 400) -> Iterator[int]:
    """Run work again and again, killed one change later each time, until it ends by itself.

    Yields after each killed run, with the number of changes it made; what is checked or put back
    between the runs is up to the caller.
    """
    for changes in range(most):
        if _run(work, changes) == 0:
            return
        yield changes
    raise AssertionError(f"no end after {most} changes")


def _run(work: Callable[[], object], changes: int) -> int:
    """Exit status of the process: 77 when it was killed; anything but that and 0 is an error."""
    child = os.fork()
    if child == 0:
        try:
            _arm(changes)
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, _KILLED), f"the work failed with status {status}"
    return status


def _arm(changes: int) -> None:
    left = changes

    def armed(function: Callable[..., object]) -> Callable[..., object]:
        def change(*words: object, **more: object) -> object:
            nonlocal left
            if left == 0:
                os._exit(_KILLED)
            left -= 1
            return function(*words, **more)

        return change

    for name in _CHANGES:
        setattr(os, name, armed(getattr(os, name)))
    shutil.copyfile = armed(shutil.copyfile)  # type: ignore[assignment]

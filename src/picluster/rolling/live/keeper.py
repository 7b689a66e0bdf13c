"""Holds the cluster's lock for a playbook, whose tasks are processes of their own.

It ends with the playbook, however that ends, or when it is told to by SIGTERM.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from picluster.campaign.journal.lock import REBOOT, Lock
from picluster.errors import PiclusterError, refusal

_READY = "held"
_END_S = 5.0


def hold(path: Path, process: int) -> int:
    """Let a process of its own hold a lock as long as another process lives.

    Args:
        path: of the lock file.
        process: the one that it lives as long as, and that is named to others.

    Returns:
        The holder's process id.

    Raises:
        PiclusterError: somebody else holds the lock, or it cannot be written.
    """
    words = [sys.executable, "-m", "picluster.rolling.live.keeper", str(path), str(process)]
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    ) as keeper:  # fmt: skip
        assert keeper.stdout is not None  # noqa: S101 - it is a pipe
        said = keeper.stdout.readline().strip()
        if said != _READY:
            raise refusal(said or f"cannot hold the lock {path}", "see that its folder is yours")
        # it lives on; nobody waits for it
        keeper.returncode = 0
        return keeper.pid


def release(keeper: int) -> None:
    """Let a holder end, and wait until it has."""
    try:
        handle = os.pidfd_open(keeper)
    except OSError:
        return
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        select.select([handle], [], [], _END_S)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def main(path: str, process: str) -> None:
    """Hold the lock."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        watched = os.pidfd_open(int(process))
        with Lock(Path(path), REBOOT, int(process)):
            print(_READY, flush=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            select.select([watched], [], [])
    except PiclusterError as error:
        print(error.problems[0], flush=True)
    except OSError as error:
        print(f"the cluster's lock cannot be held: {error.strerror}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Names of what the twin makes on a machine: one user of a name at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from picluster.errors import os_errors, refusal, shown


def hold(name: str) -> IO[str]:
    """Hold a name until the file is closed or the process ends.

    What an earlier process left under a held name may be removed; what another one uses may not.

    Raises:
        PiclusterError: another process holds it.
    """
    path = Path("/run/lock") / f"picluster-{name}.lock"
    with os_errors("lock the name", path):
        lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise refusal(f"{shown(name)} is in use by another process", "use another name") from error
    return lock

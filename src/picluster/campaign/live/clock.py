"""The clocks of this machine."""

from __future__ import annotations

import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """See :class:`picluster.campaign.ports.Clock`."""

    def __init__(self) -> None:
        self._boot = _BOOT_ID.read_text(encoding="ascii").strip().replace("-", "")

    def now(self) -> float:
        """Seconds since the machine's start, which nobody can set."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def boot(self) -> str:
        """The kernel's boot id, as the journal writes it."""
        return self._boot

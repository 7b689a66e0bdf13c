"""Real daemons: those ``make setup`` unpacked and nobody installed, or the machine's."""

from __future__ import annotations

import shutil
from pathlib import Path

_UNPACKED = Path(__file__).resolve().parents[1] / "build" / "daemons"


def daemon(name: str, unpacked: Path = _UNPACKED) -> Path | None:
    """The program of a daemon such as ``dhcpd``; ``None`` where there is none.

    Args:
        name: of the program.
        unpacked: root of the packages that were unpacked.
    """
    own = unpacked / "usr" / "sbin" / name
    if own.exists():
        return own
    found = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin")
    return Path(found) if found else None

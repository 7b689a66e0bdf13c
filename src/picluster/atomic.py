"""Replace a file whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from picluster.errors import os_errors


def write_atomically(path: Path, text: str) -> None:
    """Write text as UTF-8 beside the file, flush it to disk, and rename it into place.

    Whatever happens at whatever moment, the file is the old or the new one. Its mode is kept;
    a new file gets 0644 less the umask.

    Raises:
        PiclusterError: it could not be written; nothing has changed.
    """
    target = path.resolve()
    with os_errors("write the file", path, "the old one is as it was"):
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644 & ~_umask()
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

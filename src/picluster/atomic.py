"""Replace a file whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from picluster.errors import os_errors


def write_atomically(path: Path, text: str) -> None:
    """Write text as UTF-8 beside the file, flush it to disk, and rename it into place.

    Whatever happens at whatever moment, the file is the old or the new one. Its mode is kept, and
    its owner where that is allowed; a new file gets 0644 less the umask. A symbolic link stays,
    and the file it leads to is replaced.

    Raises:
        PiclusterError: it could not be written; nothing has changed.
    """
    with os_errors("write the file", path, "the old one is as it was"):
        target = Path(os.path.realpath(path))
        old = _status(target)
        mode = 0o644 & ~_umask() if old is None else stat.S_IMODE(old.st_mode)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                if old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                    with suppress(PermissionError):
                        os.fchown(file.fileno(), old.st_uid, old.st_gid)
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


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

"""Files that are their owner's alone: made once, and read strictly."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from picluster.errors import os_errors, refusal


def make_once(path: Path, content: bytes) -> bool:
    """Put content under a name unless something has it; nobody ever sees half of it.

    Its folder is made as the owner's alone, too. Gives whether it was made.

    Raises:
        PiclusterError: it cannot be made.
    """
    with os_errors("make the file", path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            return False
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(name, path)
        except FileExistsError:
            return False  # somebody else was first
        finally:
            Path(name).unlink()
    return True


def read_private(what: str, path: Path, least: int = 1, most: int = 1 << 16) -> bytes:
    """Content of a file that is its owner's alone.

    Args:
        what: what it is, for messages.
        path: the file.
        least: fewest bytes it may have.
        most: most bytes.

    Raises:
        PiclusterError: it cannot be read, others may read or write it, or it has another size.
    """
    with os_errors(f"read {what}", path), path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise refusal(f"{what} is no file", "name one", file=path)
        if status.st_mode & 0o077:
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise refusal(
                f"{what} may be read or written by others: its mode is {mode}",
                f"chmod 600 {path}",
                file=path,
            )
        content = file.read(most + 1)
    if not least <= len(content) <= most:
        size = str(len(content)) if len(content) <= most else f"more than {most}"
        raise refusal(f"{what} has {size} bytes", f"from {least} to {most}", file=path)
    return content

"""A Debian root file system as an archive, made by mmdebstrap from this machine's own sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picluster.errors import os_errors
from twin.head import apt
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_TIMEOUT_S = 1200


def bootstrap(
    archive: Path, variant: str, packages: Iterable[str], options: Iterable[str], what: str
) -> None:
    """Make an archive; at its place there is a whole one or none.

    Args:
        archive: the file, ``*.tar``.
        variant: mmdebstrap's: ``essential``, ``important``.
        packages: beyond those of the variant.
        options: more words for mmdebstrap.
        what: it is, for a refusal.

    Raises:
        PiclusterError: it cannot be made, or there is no room.
    """
    part = archive.with_suffix(".part.tar")
    words = ["mmdebstrap", "--quiet", "--mode=root", f"--variant={variant}", "--format=tar"]
    words += [f"--include={','.join(packages)}", *options]
    words += [f"--aptopt={line}" for line in apt.options()]
    try:
        command([*words, apt.CODENAME, str(part), *apt.sources()], timeout_s=_TIMEOUT_S)
        with os_errors(f"keep {what}", archive):
            part.replace(archive)
    finally:
        part.unlink(missing_ok=True)

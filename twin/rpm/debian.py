"""Files of Debian's arm64 packages, unpacked and not configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picluster.errors import os_errors
from twin.head import apt
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TIMEOUT_S = 900
#: Directories that are symbolic links into /usr on both distributions.
MERGED = ("bin", "lib", "sbin")
_MERGE = "; ".join(f'mkdir -p "$1/usr/{name}" && ln -s usr/{name} "$1/{name}"' for name in MERGED)
_LISTS = ".lists"
_LIST = (
    f'mkdir "$1/{_LISTS}"; for deb in "$1"/var/cache/apt/archives/*.deb; do name=${{deb##*/}}; '
    f'dpkg-deb --fsys-tarfile "$deb" | tar -t >"$1/{_LISTS}/${{name%%_*}}"; done'
)


def unpack(packages: Sequence[str], root: Path) -> dict[str, list[str]]:
    """Unpack packages and what they depend on, with /usr merged; nothing of them is run.

    Args:
        packages: names, or patterns of apt such as ``?essential``.
        root: directory to make.

    Returns:
        For each package its files and links, as paths relative to the root.

    Raises:
        PiclusterError: mmdebstrap is missing or failed.
    """
    with os_errors("unpack Debian packages", root):
        root.parent.mkdir(parents=True, exist_ok=True)
    command(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=extract", "--architectures=arm64"]
        + [f"--include={name}" for name in packages]
        + [f"--setup-hook={_MERGE}", f"--extract-hook={_LIST}"]
        + [f"--aptopt={line}" for line in apt.options()]
        + ["--format=directory", apt.CODENAME, str(root), *apt.sources()],
        timeout_s=_TIMEOUT_S,
    )
    return {file.name: _merged(file) for file in (root / _LISTS).iterdir()}


def _merged(listing: Path) -> list[str]:
    """Read a listing of an archive, with the paths that they have once /usr is merged."""
    paths = (line.removeprefix("./") for line in listing.read_text().splitlines())
    return [
        f"usr/{path}" if path.partition("/")[0] in MERGED else path
        for path in paths
        if path and not path.endswith("/")
    ]

"""A repository of RPM packages: signed packages, metadata, signed metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from twin.rpm.keys import Key


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on disk.

    Attributes:
        directory: holds ``repodata/`` and the packages: what a ``baseurl`` points to.
    """

    directory: Path

    def index(self, key: Key | None = None) -> None:
        """Write the metadata anew, and sign it when there is a key.

        Raises:
            PiclusterError: createrepo_c is missing or failed.
        """
        command(
            ["createrepo_c", "--quiet", "--no-database", str(self.directory)],
            timeout_s=300,
        )
        if key is not None:
            key.sign_file(self.directory / "repodata" / "repomd.xml")

    def packages(self) -> list[Path]:
        """Give its packages, sorted."""
        return sorted(self.directory.glob("*.rpm"))


def sign(packages: Sequence[Path], key: Key) -> None:
    """Sign packages in place."""
    for package in packages:
        key.sign_package(package)

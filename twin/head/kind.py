"""What a playbook and a test need of a head, whether a container or a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from subprocess import CompletedProcess


class AnyHead(Protocol):
    """A head that is up.

    Attributes:
        host: its name in the cluster's inventory.
    """

    host: str

    @property
    def inventory(self) -> Path:
        """Inventory source that says how to reach it."""

    def run(self, args: Sequence[str], *, timeout_s: float = ...) -> CompletedProcess[bytes]:
        """Run a command in it; its status is the caller's to judge."""

    def exec(self, args: Sequence[str], *, timeout_s: float = ...) -> str:
        """Run a command in it and give its standard output.

        Raises:
            PiclusterError: it failed.
        """

    def copy_out(self, path: str) -> bytes:
        """Content of a file of it."""

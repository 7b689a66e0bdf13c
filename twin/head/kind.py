"""What a playbook and a test need of a head, whether a container or a machine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from picluster.errors import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from subprocess import CompletedProcess

    from twin.head.places import Places


class AnyHead(ABC):
    """A head, by the command it can run.

    Attributes:
        host: its name in the cluster's inventory.
        places: where it lies on this machine.
    """

    host: str
    places: Places

    @property
    def name(self) -> str:
        """The name it was given."""
        return self.places.name

    @property
    def inventory(self) -> Path:
        """Inventory source (``ansible-playbook -i``) that says how to reach it."""
        return self.places.inventory

    @abstractmethod
    def run(self, args: Sequence[str], *, timeout_s: float = 60) -> CompletedProcess[bytes]:
        """Run a command in it; its status is the caller's to judge.

        Raises:
            PiclusterError: it could not be started, or took too long.
        """

    def exec(self, args: Sequence[str], *, timeout_s: float = 120) -> str:
        """Run a command in it and give its standard output.

        Raises:
            PiclusterError: it failed; the message holds the end of what it said.
        """
        done = self.run(args, timeout_s=timeout_s)
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()[-600:]
            raise refusal(f"{args[0]} in {self.name} failed with status {done.returncode}: {said}")
        return done.stdout.decode(errors="replace")

    def copy_out(self, path: str) -> bytes:
        """Content of a file of it.

        Raises:
            PiclusterError: it cannot be read.
        """
        done = self.run(["cat", path])
        if done.returncode:
            raise refusal(f"cannot read: {done.stderr.decode(errors='replace').strip()}", file=path)
        return done.stdout

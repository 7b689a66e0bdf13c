"""The way into nodes by ssh, from a namespace on the rack, trusting the head's authority alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from picluster.plan.read import read_plan
from picluster.render.configuration import render_known_hosts
from twin.net import Namespace, command

if TYPE_CHECKING:
    from pathlib import Path

    from twin.head.kind import AnyHead

#: Where the role host_authority keeps the key that signs.
AUTHORITY = "/var/lib/picluster/host_authority/key"


@dataclass(frozen=True, slots=True)
class Login:
    """Root on the nodes.

    Attributes:
        namespace: a place on the rack with an address of its own.
        key: private key whose public half is in the image.
        known_hosts: what host keys are held against.
    """

    namespace: Namespace
    key: Path
    known_hosts: Path

    def words(self) -> list[str]:
        """The ssh command up to the address."""
        options = {
            "UserKnownHostsFile": f'"{self.known_hosts}"',
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "20",
        }
        words = ["ssh", "-F", "none", "-i", str(self.key)]
        for name, value in options.items():
            words += ["-o", f"{name}={value}"]
        return words

    def run(self, address: str, script: str, *, timeout_s: float = 120) -> str:
        """Run a shell script in a node and give its output.

        Raises:
            PiclusterError: ssh did not get in, or the script failed.
        """
        words = self.namespace.inside([*self.words(), f"root@{address}", script])
        return command(words, timeout_s=timeout_s)


def trust(head: AnyHead, description: Path, path: Path) -> None:
    """Write a known_hosts with a head's host authority, as ``site.yml`` does.

    Args:
        head: a head that ``site.yml`` configured.
        description: the cluster's.
        path: the file to write.
    """
    public = head.exec(["ssh-keygen", "-y", "-P", "", "-f", AUTHORITY]).split()[:2]
    authorities = {head.host: " ".join(public)}
    path.write_text(render_known_hosts(read_plan(description), authorities))

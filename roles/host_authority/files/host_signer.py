"""Signs a host key with OpenSSH's own ``ssh-keygen``."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from host_key_request import certificate_in
from node_plan import Node

_PROGRAM = "/usr/bin/ssh-keygen"
_TIMEOUT_S = 20
#: Clocks of those who check a certificate may be behind by this much.
_EARLIER = "-1h"


class SigningError(ValueError):
    """There is no certificate; the message says why."""


class Signer(NamedTuple):
    """What it takes to sign.

    Attributes:
        authority: file of the authority's private key.
        domain: DNS domain of the nodes.
        days: how long a certificate is valid.
        folder: where files are for a moment; in memory at best.
    """

    authority: Path
    domain: str
    days: int
    folder: Path

    def sign(self, node: Node, key: str, serial: int) -> str:
        """Make a host certificate for a node's names and address.

        Args:
            node: whose; its name is the certificate's key id.
            key: its public key, base64.
            serial: number of the certificate.

        Returns:
            Type and base64, as in a ``known_hosts`` or ``.pub`` file.

        Raises:
            SigningError: ssh-keygen failed.
        """
        try:
            with tempfile.TemporaryDirectory(dir=self.folder) as place:
                public = Path(place, "key.pub")
                public.write_text(f"ssh-ed25519 {key}\n", encoding="ascii")
                self._run(node, serial, public)
                return certificate_in(Path(place, "key-cert.pub").read_text(encoding="ascii"))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise SigningError(f"cannot sign the key of {node.name}: {error}") from error

    def _run(self, node: Node, serial: int, public: Path) -> None:
        principals = f"{node.name},{node.name}.{self.domain},{node.address}"
        words = [
            *(_PROGRAM, "-q", "-s", str(self.authority), "-h", "-I", node.name),
            *("-n", principals, "-V", f"{_EARLIER}:+{self.days}d", "-z", str(serial), str(public)),
        ]
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise ValueError(f"ssh-keygen: {done.stderr.strip()[-200:]}")

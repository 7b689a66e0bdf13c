"""Run programs on a boot server: this machine, or one behind ssh or a container's exec."""

from __future__ import annotations

import shlex
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from picluster.cluster.model import Server
from picluster.errors import refusal, shown
from picluster.net import dotted

_LIMIT_S = 30.0
_SAID = 300
#: ssh never asks, notices a dead server within a minute, and shares one connection.
SSH = (
    "ssh",
    "-oBatchMode=yes",
    "-oServerAliveInterval=15",
    "-oServerAliveCountMax=4",
    "-oConnectTimeout=15",
)


@dataclass(frozen=True, slots=True)
class Reach:
    """The way to a boot server.

    Attributes:
        server: the server.
        prefix: words before a command: none on the server itself, ``ssh root@head`` elsewhere.
    """

    server: Server
    prefix: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The server's name."""
        return self.server.name

    @property
    def shell(self) -> bool:
        """Whether a shell splits the words on the other side, as ssh has one do."""
        return bool(self.prefix) and self.prefix[0].rpartition("/")[2] == "ssh"

    def command(self, words: Sequence[str]) -> list[str]:
        """A command that runs on the server."""
        return [*self.prefix, *(map(shlex.quote, words) if self.shell else words)]

    def run(self, words: Sequence[str], *, text: str = "", limit_s: float = _LIMIT_S) -> str:
        """Run a command on the server to its end.

        Args:
            words: the command.
            text: its standard input.
            limit_s: seconds it may take.

        Returns:
            Its standard output.

        Raises:
            PiclusterError: it could not be run, failed, or took too long.
        """
        try:
            done = subprocess.run(
                self.command(words),
                input=text,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._failure(words, f"took more than {limit_s:g} s") from None
        except OSError as error:
            raise self._failure(words, error.strerror or str(error)) from None
        if done.returncode != 0:
            said = shown(done.stderr.strip()[-_SAID:])[1:-1] or f"status {done.returncode}"
            raise self._failure(words, said)
        return done.stdout

    def _failure(self, words: Sequence[str], why: str) -> Exception:
        return refusal(
            f"cannot run {words[0]} on {self.name}: {why}",
            f"try it by hand: {' '.join(self.prefix) or 'on this machine'}",
        )


def own_addresses(address: str) -> bool:
    """Whether an address is this machine's: nobody else can bind it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def reach_of(server: Server, words: Sequence[str] | None = None) -> Reach:
    """The way to a server.

    Args:
        server: the server.
        words: words before a command, where the user gives them; otherwise nothing on the server
            itself, and ssh by its name elsewhere.
    """
    if words is not None:
        return Reach(server, tuple(words))
    if own_addresses(dotted(server.address)):
        return Reach(server)
    return Reach(server, (*SSH, server.name))

"""Throw-away OpenPGP keys that sign packages and metadata."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from picluster.errors import PiclusterError, os_errors
from twin.net import command

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair without a passphrase; a context manager that ends gpg's agent on leaving.

    Attributes:
        home: directory of its key ring; whoever reads it can sign.
        owner: user id, which is also how programs select it.
    """

    home: Path
    owner: str

    @classmethod
    def make(cls, home: Path, owner: str) -> Key:
        """Make a key pair in a new directory.

        Raises:
            PiclusterError: gpg is missing or failed.
        """
        with os_errors("make a key ring", home):
            home.mkdir(mode=0o700, parents=True)
        key = cls(home, owner)
        try:
            kind = ["rsa2048", "sign", "never"]
            command([*key._gpg(), "--passphrase", "", "--quick-generate-key", owner, *kind])
        except BaseException:
            key.close()
            raise
        return key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the agent that gpg started for this key ring."""
        with contextlib.suppress(PiclusterError):
            command(["gpgconf", "--homedir", str(self.home), "--kill", "gpg-agent"])

    def public(self) -> str:
        """Give the public key as ASCII armour."""
        return command([*self._gpg(), "--armor", "--export", self.owner])

    def fingerprint(self) -> str:
        """Give the fingerprint as 40 upper-case hex digits."""
        listing = command([*self._gpg(), "--with-colons", "--list-keys", self.owner])
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))

    def sign_package(self, package: Path) -> None:
        """Sign an RPM package in place."""
        macros = (f"_gpg_name {self.owner}", f"_gpg_path {self.home}", "__gpg /usr/bin/gpg")
        options = [word for macro in macros for word in ("--define", macro)]
        command(["rpmsign", "--addsign", *options, str(package)], timeout_s=300)

    def sign_file(self, file: Path) -> None:
        """Write a detached, armoured signature beside a file, as ``<name>.asc``."""
        how = ["--yes", "--local-user", self.owner, "--armor", "--detach-sign"]
        command([*self._gpg(), *how, "--output", f"{file}.asc", str(file)])

    def sign_text(self, file: Path, signed: Path) -> None:
        """Write a text together with its signature, as an apt archive's ``InRelease`` is."""
        how = ["--local-user", self.owner, "--armor", "--clearsign"]
        command([*self._gpg(), *how, "--output", str(signed), str(file)])

    def _gpg(self) -> list[str]:
        return ["gpg", "--homedir", str(self.home), "--batch", "--quiet"]

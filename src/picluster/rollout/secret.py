"""Secrets of a version: files that root alone reads, and sums that tell nothing about them.

``secret/SHA256SUMS`` is as private as what it lists. A sum of a weak secret would give it away, so
what everybody reads in the version's ``SHA256SUMS`` is the sum of that list, and the list holds the
sum of 32 secret bytes, too: the salt.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from pathlib import Path

from picluster.errors import refusal, shown
from picluster.private import make_once, read_private

#: Folder of a version that holds them.
FOLDER = "secret"
#: The one file of it that the version's own sums list.
SUMS = f"{FOLDER}/SHA256SUMS"
_SALT = "salt"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)
_MADE = ("SHA256SUMS", _SALT)


def secret_contents(secrets: Mapping[str, Path], salt: bytes) -> dict[str, bytes]:
    """Everything of the folder by its name in the version, in order; nothing without secrets.

    Args:
        secrets: files of the control node by the name they get.
        salt: see :func:`salt_of`.

    Raises:
        PiclusterError: a name is none, or a file is not its owner's alone, empty or too big.
    """
    if not secrets:
        return {}
    found = {_SALT: salt, **{name: _secret(name, path) for name, path in secrets.items()}}
    lines = [f"{hashlib.sha256(found[name]).hexdigest()}  {name}\n" for name in sorted(found)]
    found["SHA256SUMS"] = "".join(lines).encode()
    return {f"{FOLDER}/{name}": found[name] for name in sorted(found)}


def salt_of(key: bytes, workload: str, version: str) -> bytes:
    """32 bytes that nobody knows without the key: the same for the same version.

    Args:
        key: of :func:`salt_key`.
        workload: its name.
        version: its version.
    """
    return hmac.digest(key, f"{workload} {version}".encode(), "sha256")


def salt_key(path: Path) -> bytes:
    """32 random bytes that a control node keeps, made when they are first asked for.

    Args:
        path: file that holds them, its owner's alone.

    Raises:
        PiclusterError: the file cannot be made or read, or holds something else.
    """
    make_once(path, os.urandom(32))
    return read_private("the salt of secrets", path, least=32)


def _secret(name: str, path: Path) -> bytes:
    if not _NAME.fullmatch(name) or name in _MADE:
        raise refusal(
            f"secret {shown(name)} is no name",
            "letters, digits and . _ + -; not salt and not SHA256SUMS",
        )
    return read_private(f"secret {name}", path)

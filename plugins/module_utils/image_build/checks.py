# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse an image that holds what every machine on the network must not read.

The root is exported without passwords to whoever is on the boot network, so a secret in it is a
secret told.
"""

from __future__ import annotations

import fnmatch
import mmap
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from .provider import BuildError

PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    rb"|PuTTY-User-Key-File-\d|^AGE-SECRET-KEY-1|^Key: \(private-key|\(11:private-key",
    re.MULTILINE,
)
# Files that are private keys whatever is in them.
KEY_NAMES = re.compile(
    r"(?:ssh_host_\w+_key|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|[\w.-]+\.(?:p12|pfx|keytab|ppk))"
)
# Below these lies what people and packages configure; libraries ship keys for their own tests.
SEARCHED = ("etc", "home", "opt", "root", "srv", "usr/local", "var")
# Words in place of a password that match none.
LOCKED = re.compile(r"(?:\*|!|!!|!\*|\*LK\*|\*NP\*|x|!locked)")
_SHOWN = 5


def check_secrets(root: Path) -> None:
    """Refuse private keys and passwords.

    Raises:
        BuildError: what was found and where, at most five of them.
    """
    found = [*_private_keys(root), *_passwords(root)]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise BuildError(
            f"the image would hold a secret that everybody on the boot network can read: "
            f"{'; '.join(found[:_SHOWN])}{more}; take it out of the packages or files of the "
            "image, and give it to the nodes another way"
        )


def _files(root: Path, folders: tuple[str, ...]) -> Iterator[Path]:
    for folder in folders:
        for place, _, names in os.walk(root / folder):
            for name in sorted(names):
                path = Path(place, name)
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path


def _private_keys(root: Path) -> Iterator[str]:
    for path in _files(root, SEARCHED):
        name = str(path.relative_to(root))
        if KEY_NAMES.fullmatch(path.name):
            yield f"/{name} is a private key by its name"
            continue
        if _holds_key(path):
            yield f"/{name} holds a private key"


def _holds_key(path: Path) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return PRIVATE_KEY.search(content) is not None


def _passwords(root: Path) -> Iterator[str]:
    for name in ("etc/shadow", "etc/passwd", "etc/gshadow", "etc/group"):
        path = root / name
        if not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            account, _, rest = line.partition(":")
            password = rest.partition(":")[0]
            where = f"/{name} line {number}"
            if not password and name in ("etc/shadow", "etc/passwd") and account:
                yield f"{where}: {account} needs no password"
            elif password and not LOCKED.fullmatch(password):
                yield f"{where}: {account} has a password"


def check_setuid(root: Path, allowed: tuple[str, ...]) -> None:
    """Refuse programs that run with the rights of another, but for those that are known.

    Raises:
        BuildError: the first that is not known.
    """
    known = re.compile("|".join(fnmatch.translate(pattern) for pattern in allowed) or r"\Z.")
    for place, _, names in os.walk(root):
        for name in names:
            path = Path(place, name)
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or not status.st_mode & 0o6000:
                continue
            relative = str(path.relative_to(root))
            if not known.match(relative):
                raise BuildError(
                    f"/{relative} would run with the rights of user {status.st_uid} or group "
                    f"{status.st_gid}; when that is right, add it to node_image_setuid"
                )

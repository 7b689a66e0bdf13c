# SPDX-License-Identifier: GPL-3.0-or-later
"""Give files to users that rpm did not know when it unpacked them.

rpm from 4.19 on makes the users of a package from its ``sysusers.d`` file before it unpacks it, and
packages of EL 10 count on that. An older rpm, such as that of a Debian 12 builder, leaves such
files to root with a warning, and the users are made by systemd afterwards.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from .programs import run
from .provider import BuildError

MISSING = re.compile(r"warning: (?:user|group) (\S+) does not exist - using root")
SYSUSERS = "usr/bin/systemd-sysusers"
#: rpm's query format for the lines :func:`set_owners` reads.
FORM = r"[%{FILENAMES}\t%{FILEUSERNAME}\t%{FILEGROUPNAME}\t%{FILEMODES}\n]"
SHOWN = 5


def make_users(root: Path) -> None:
    """Make the users and groups that the packages of a root declare, by its own systemd."""
    if (root / SYSUSERS).exists():
        run(["chroot", str(root), f"/{SYSUSERS}"], what="make the users of the packages")


def set_owners(root: Path, files: Iterable[str]) -> None:
    """Give every file its owner, and the mode that changing an owner takes away.

    Args:
        root: a root with its own users and groups.
        files: a line for each file in the form of :data:`FORM`.

    Raises:
        BuildError: a user or group is still missing.
    """
    users, groups = _numbers(root / "etc/passwd"), _numbers(root / "etc/group")
    missing: dict[str, str] = {}
    for line in files:
        name, user, group, mode = line.split("\t")
        path = root / name.lstrip("/")
        if (user, group) == ("root", "root") or not os.path.lexists(path):
            continue
        if user not in users or group not in groups:
            missing[user if user not in users else group] = name
            continue
        os.chown(path, users[user], groups[group], follow_symlinks=False)
        if not stat.S_ISLNK(int(mode)):
            path.chmod(stat.S_IMODE(int(mode)))
    if missing:
        found = ", ".join(f"{user} ({file})" for user, file in sorted(missing.items())[:SHOWN])
        raise BuildError(
            f"no package makes the user or group of a file: {found}; leave out the package that "
            "holds it with node_image_oraclelinux_excluded_packages"
        )


def _numbers(database: Path) -> dict[str, int]:
    """Read names and numbers of ``passwd`` or ``group``."""
    found = {}
    for line in database.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdigit():
            found[fields[0]] = int(fields[2])
    return found

# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a node of an installed root: the same for every distribution."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import tarfile
from pathlib import Path

from .inside import write
from .order import Order
from .programs import run
from .provider import BuildError

BUSYBOX = "usr/lib/picluster/busybox"
SSHD = "etc/ssh/sshd_config"
SSHD_OURS = "etc/ssh/sshd_config.d/00-picluster.conf"
UNIT_FOLDERS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
# Identities that every node makes for itself, and what only the machine that built it knew.
OWN = (
    "etc/ssh/ssh_host_*",
    "etc/machine-id",
    "etc/munge/munge.key",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "etc/udev/hwdb.bin",
    "usr/lib/udev/hwdb.bin",
    "etc/passwd-",
    "etc/shadow-",
    "etc/group-",
    "etc/gshadow-",
    "etc/.pwd.lock",
    "root/.bash_history",
)
# Emptied, with what is in them; the folders stay.
EMPTIED = ("tmp", "var/tmp", "run", "var/cache", "proc", "sys", "dev")


def customise(root: Path, order: Order, trees: Path, busybox: Path) -> None:
    """Put everything of ours into an installed root.

    Args:
        root: the root.
        order: what is asked for.
        trees: archive of the files put over the root.
        busybox: static busybox for the initramfs.

    Raises:
        BuildError: a path leaves the root, or a unit cannot be enabled.
    """
    remove_matching(root, OWN)
    put_trees(root, trees)
    write(root, BUSYBOX, busybox.read_bytes(), 0o755)
    for file in order.files:
        write(root, file["path"], file["content"].encode(), int(file["mode"], 8))
    _authorize(root, order.authorized_keys)
    _lock_root(root)
    _include_sshd_config(root)
    set_units(root, order.units_enabled, order.units_masked)


def put_trees(root: Path, trees: Path) -> None:
    """Put the files of an archive over a root, as root's, executable or not."""
    with tarfile.open(trees) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is None:
                raise BuildError(f"{member.name} among the files for the image is no plain file")
            write(root, member.name, content.read(), 0o755 if member.mode & 0o100 else 0o644)


def _authorize(root: Path, keys: tuple[str, ...]) -> None:
    if not keys:
        return
    write(root, "root/.ssh/authorized_keys", "".join(f"{key}\n" for key in keys).encode(), 0o600)
    (root / "root/.ssh").chmod(0o700)


def _lock_root(root: Path) -> None:
    """Take root's password away: ``*`` matches none, and keys still open the account."""
    path = root / "etc/shadow"
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = [re.sub(r"^root:[^:]*:", "root:*:", line) for line in lines]
    path.write_text("".join(f"{line}\n" for line in changed), encoding="utf-8")


def _include_sshd_config(root: Path) -> None:
    """Put our settings first where sshd is too old to include them (OpenSSH before 8.2)."""
    main, ours = root / SSHD, root / SSHD_OURS
    if not main.is_file() or not ours.is_file():
        return
    text = main.read_text(encoding="utf-8")
    if not re.search(r"^\s*Include\s", text, re.MULTILINE | re.IGNORECASE):
        main.write_text(ours.read_text(encoding="utf-8") + "\n" + text, encoding="utf-8")


def set_units(root: Path, enabled: tuple[str, ...], masked: tuple[str, ...]) -> None:
    """Mask units, and enable those that exist."""
    for name in masked:
        link = root / UNIT_FOLDERS[0] / name
        link.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if link.is_symlink():
            link.unlink()
        elif link.exists():
            raise BuildError(f"{link.relative_to(root)} is a file; it cannot be masked")
        link.symlink_to("/dev/null")
    found = [name for name in enabled if _is_unit(root, name)]
    if found:
        run(["systemctl", f"--root={root}", "enable", *found], what="enable the image's units")


def _is_unit(root: Path, name: str) -> bool:
    """Tell whether a root has a unit of that name; an alias of another one cannot be enabled."""
    files = (root / folder / name for folder in UNIT_FOLDERS)
    return any(file.is_file() and not file.is_symlink() for file in files)


def tidy(root: Path, exclude: tuple[str, ...]) -> None:
    """Remove what is not wanted, caches and logs; leaves an empty machine-id."""
    remove_matching(root, (*exclude, *OWN))
    for name in EMPTIED:
        folder = root / name
        for path in folder.iterdir() if folder.is_dir() else ():
            remove_path(path)
    for log in (root / "var/log").rglob("*"):
        if log.is_file() and not log.is_symlink():
            log.unlink()
    write(root, "etc/machine-id", b"", 0o444)


def remove_matching(root: Path, patterns: tuple[str, ...]) -> None:
    """Remove every path that matches a pattern in which ``*`` matches ``/`` too."""
    expressions = "|".join(fnmatch.translate(pattern) for pattern in patterns)
    if not expressions:
        return
    wanted = re.compile(expressions)
    for place, folders, files in os.walk(root):
        prefix = "" if place == str(root) else os.path.relpath(place, root) + "/"
        for name in [*folders, *files]:
            if wanted.match(prefix + name):
                remove_path(Path(place, name))
        folders[:] = [name for name in folders if not wanted.match(prefix + name)]


def remove_path(path: Path) -> None:
    """Remove a file, a link or a directory with all in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def settle_times(root: Path, since: float) -> int:
    """Give everything the build itself made the time of the newest file that a package brought.

    Packages carry their files' times; without this, two builds of the same packages would differ.

    Args:
        root: a finished root.
        since: when the build began, seconds since 1970.

    Returns:
        That time, seconds since 1970.
    """
    ours, newest = [], 0
    for place, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = os.path.join(place, name)  # noqa: PTH118 - ten thousand of them
            status = os.lstat(path)
            if status.st_mtime >= since:
                ours.append(path)
            else:
                newest = max(newest, int(status.st_mtime))
    for path in [*ours, str(root)]:
        os.utime(path, (newest, newest), follow_symlinks=False)
    return newest

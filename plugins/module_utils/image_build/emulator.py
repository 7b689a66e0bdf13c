# SPDX-License-Identifier: GPL-3.0-or-later
"""Have the kernel run programs of the board through qemu-user."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

from . import emulation
from .confined import mount
from .provider import BuildError

BINFMT = Path("/proc/sys/fs/binfmt_misc")
RULES = (Path("/usr/lib/binfmt.d"), Path("/etc/binfmt.d"))
RULE = "qemu-aarch64.conf"
NAME = "qemu-aarch64"


def ensure(work: Path) -> None:
    """See that programs of the board run here, and register the emulator where it is not.

    What a machine's systemd-binfmt or a container's that shares the kernel has dropped is
    registered again. Call it in confined mounts: binfmt_misc may have to be mounted.

    Args:
        work: directory for a program to try.

    Raises:
        BuildError: they do not run, and why.
    """
    if platform.machine() == "aarch64":
        return
    _show_formats()
    try:
        emulation.check(work)
    except BuildError:
        register()
        emulation.check(work)


def register() -> None:
    """Register qemu-user with the rule its package brings.

    Raises:
        BuildError: the package is not installed, or the kernel has no binfmt_misc.
    """
    rules = [folder / RULE for folder in RULES if (folder / RULE).is_file()]
    if not rules:
        raise BuildError(
            f"qemu-user-static is not installed: {RULES[0] / RULE} is not there; "
            "install it, programs of the board are run while an image is built"
        )
    rule = _rule(rules[-1])
    try:
        entry = BINFMT / NAME
        if entry.exists():
            entry.write_text("-1")
        (BINFMT / "register").write_text(rule)
    except OSError as error:
        raise BuildError(
            f"cannot register {NAME} in {BINFMT}: {error.strerror}; load the kernel's module "
            "binfmt_misc, or run systemd-binfmt on the machine"
        ) from error


def _show_formats() -> None:
    """Mount the list of formats: mmdebstrap looks there whether the emulator is in the kernel."""
    if not (BINFMT / "register").exists():
        with suppress(BuildError):
            mount(b"binfmt_misc", BINFMT, b"binfmt_misc", 0)


def _rule(path: Path) -> str:
    lines = path.read_text(encoding="ascii").splitlines()
    rules = [line for line in lines if line.startswith(":")]
    if len(rules) != 1:
        raise BuildError(f"{path} holds {len(rules)} rules, not one; install qemu-user-static anew")
    return rules[0]

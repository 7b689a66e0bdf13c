# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether programs of the board run on this machine, tried with the smallest one there is."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from .provider import BuildError

BASE = 0x400000
# mov x0, #0; mov x8, #93 (exit); svc #0
CODE = struct.pack("<3I", 0xD2800000, 0xD2800BA8, 0xD4000001)
HEADER_BYTES, SEGMENT_BYTES = 64, 56
AARCH64 = 183
TIMEOUT_S = 30


def program() -> bytes:
    """Give a static aarch64 ELF executable that ends at once with 0."""
    entry = HEADER_BYTES + SEGMENT_BYTES
    size = entry + len(CODE)
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack(
        "<HHIQQQIHHHHHH",
        2,  # an executable
        AARCH64,
        1,
        BASE + entry,
        HEADER_BYTES,  # where the segments are listed
        0,
        0,
        HEADER_BYTES,
        SEGMENT_BYTES,
        1,
        0,
        0,
        0,
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)
    return identity + header + segment + CODE


def check(work: Path) -> None:
    """Run that program.

    Args:
        work: directory for it; it is removed again.

    Raises:
        BuildError: it does not run, so no scriptlet of a package would either.
    """
    path = work / "aarch64-program"
    path.write_bytes(program())
    path.chmod(0o700)
    try:
        done = subprocess.run([str(path)], check=False, capture_output=True, timeout=TIMEOUT_S)
    except OSError as error:
        raise BuildError(
            f"programs of the board do not run here ({error.strerror}); install qemu-user-static, "
            "and see that qemu-aarch64 is registered in /proc/sys/fs/binfmt_misc"
        ) from error
    finally:
        path.unlink(missing_ok=True)
    if done.returncode:
        raise BuildError(
            f"programs of the board fail here with status {done.returncode}; "
            "the registered qemu-aarch64 does not work: install qemu-user-static again"
        )

# SPDX-License-Identifier: GPL-3.0-or-later
"""Run programs of the builder, and programs of the node in its root."""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from .provider import BuildError

KEPT_LINES = 40
SHOWN_LINES = 12


def run(
    words: Sequence[str],
    *,
    what: str,
    on_line: Callable[[str], None] | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: IO[bytes] | None = None,
) -> str:
    """Run a program to its end, its standard error joined to its output.

    Args:
        words: program and arguments.
        what: what it does, for the message of a failure: ``install packages``.
        on_line: called with each line of output as it comes.
        environment: variables set on top of the caller's; messages are in English always.
        cwd: directory it runs in.
        stdin: what it reads; nothing when not given.

    Returns:
        The last 40 lines of its output.

    Raises:
        BuildError: it could not be started or failed; the message ends with its last lines.
    """
    last: deque[str] = deque(maxlen=KEPT_LINES)
    try:
        with subprocess.Popen(
            list(words),
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            cwd=cwd,
        ) as process:
            for line in process.stdout or ():
                last.append(line.rstrip("\n"))
                if on_line:
                    on_line(last[-1])
    except OSError as error:
        raise BuildError(f"cannot {what}: {words[0]}: {error.strerror}") from error
    if process.returncode:
        reason = " | ".join(line.strip() for line in [*last][-SHOWN_LINES:] if line.strip())
        raise BuildError(f"cannot {what}: {words[0]} ended with {process.returncode}: {reason}")
    return "\n".join(last)

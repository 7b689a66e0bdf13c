"""Build an MPI program of one C file with a compiler of the control node."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from picluster.errors import refusal, shown

_LIMIT_S = 300
_SAID = 800
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*\.c", re.ASCII)


def build_program(source: Path, compiler: str, folder: Path) -> Path:
    """Build it; the same source and compiler give the same bytes.

    Args:
        source: the C file.
        compiler: the compiler and its options, quoted as for a shell.
        folder: where the program is made, under the source's name without ``.c``.

    Raises:
        PiclusterError: there is no such file or compiler, or it does not compile.
    """
    if not _NAME.fullmatch(source.name) or not source.is_file():
        raise refusal(f"{shown(str(source))} is no C program", "name a file that ends in .c")
    try:
        words = shlex.split(compiler)
    except ValueError as error:
        raise refusal(f"not a compiler and its options: {shown(compiler)}: {error}") from None
    if not words or shutil.which(words[0]) is None:
        raise refusal(
            f"the compiler {shown(words[0] if words else '')} is not installed on the control node",
            "apt-get install libopenmpi-dev gcc; docs/workloads/mpi.md has the cross compiler; "
            "or name programs that are built",
        )
    program = folder / source.stem
    # By its name alone: the path would be in the program.
    command = [*words, "-o", str(program), source.name, "-lmpi"]
    try:
        done = subprocess.run(
            command, cwd=source.parent, capture_output=True, text=True, errors="replace",
            timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise refusal(f"{words[0]} took more than {_LIMIT_S} s", file=source) from None
    if done.returncode:
        said = done.stderr.strip()[-_SAID:]
        raise refusal(f"{words[0]} failed: {said}", "correct it", file=source)
    return program

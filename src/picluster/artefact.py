"""Files that a person brings from elsewhere: there, whole, and for the right machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from picluster.elf import machine_of
from picluster.errors import PiclusterError, Problem, os_errors, refusal

_SUM = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file as it should be.

    Attributes:
        what: what it is, for messages.
        path: where it is; empty when nobody has named it.
        sha256: its SHA-256, 64 hex digits, from whom the file is from.
        machine: architecture of the program it is, by Debian's name; empty for other files.
    """

    what: str
    path: str
    sha256: str
    machine: str = ""


def check_artefacts(artefacts: Iterable[Artefact], most_bytes: int | None = None) -> int:
    """Check files, all of them before anything is said.

    Args:
        artefacts: the files.
        most_bytes: size they may have together.

    Returns:
        Their size together, bytes.

    Raises:
        PiclusterError: with everything that is wrong.
    """
    problems: list[Problem] = []
    total = 0
    for one in artefacts:
        try:
            total += _check(one)
        except PiclusterError as error:
            problems += error.problems
    if not problems and most_bytes is not None and total > most_bytes:
        raise refusal(
            f"the files have {total >> 20} MiB together, and {most_bytes >> 20} MiB are allowed",
            "leave out what nodes do not need",
        )
    if problems:
        raise PiclusterError(problems)
    return total


def _check(one: Artefact) -> int:
    if not one.path:
        raise refusal(f"{one.what} is not named", "get it where you have a network, and name it")
    path = Path(one.path).expanduser()
    if not _SUM.fullmatch(one.sha256):
        raise refusal(
            f"{one.what}: {one.sha256!r} is no SHA-256",
            "64 hex digits, as its publisher gives them",
            file=path,
        )
    with os_errors(f"read {one.what}", path), path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    if found != one.sha256:
        raise refusal(
            f"{one.what} has the SHA-256 {found}, not {one.sha256}",
            "get it again, or correct the sum",
            file=path,
        )
    if one.machine and (machine := machine_of(path)) != one.machine:
        raise refusal(
            f"{one.what} is built for {machine}, not {one.machine}",
            f"get the one for {one.machine}",
            file=path,
        )
    if one.machine and not path.stat().st_mode & 0o100:
        raise refusal(f"{one.what} is not executable", f"chmod +x {path}", file=path)
    return size

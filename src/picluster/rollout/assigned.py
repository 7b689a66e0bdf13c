"""What nodes are to run: names, versions, and the file of each bank that says so.

A bank's file is ``picluster-assigned/1 ORDER``, then a line ``NODE WORKLOAD VERSION DIGEST`` for
each workload of each node; ``- -`` for version and digest where a workload has to go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from picluster.errors import refusal, shown

_HEADER = re.compile(r"picluster-assigned/1 ([0-9a-f]{16})", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,47}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a workload, as a node is to have it.

    Attributes:
        name: its name; empty for "none of it".
        digest: SHA-256 of its ``SHA256SUMS``, 64 hex digits; empty with the name.
    """

    name: str = ""
    digest: str = ""


#: By node, by workload.
Assigned = Mapping[str, Mapping[str, Version]]


def check_workload(name: str) -> str:
    """A workload's name: letters, digits and ``_``, 32 at most, a small letter first.

    Raises:
        PiclusterError: it is something else.
    """
    if not _NAME.fullmatch(name):
        raise refusal(
            f"{shown(name)} is no name of a workload",
            "small letters, digits and _, at most 32, beginning with a letter",
        )
    return name


def check_version(version: str) -> str:
    """A version: letters, digits and ``._+-``, 48 at most, a letter or digit first.

    Raises:
        PiclusterError: it is something else.
    """
    if not _VERSION.fullmatch(version):
        raise refusal(
            f"{shown(version)} is no version",
            "letters, digits and . _ + -, at most 48, beginning with a letter or digit",
        )
    return version


def parse_assigned(text: str, file: str) -> dict[str, dict[str, Version]]:
    """Read a bank's file; an empty text assigns nothing.

    Args:
        text: its content.
        file: its name, for messages.

    Raises:
        PiclusterError: a line is something else.
    """
    first, *lines = text.splitlines() or [""]
    if text and not _HEADER.fullmatch(first):
        raise _broken(file, 1, first)
    found: dict[str, dict[str, Version]] = {}
    for number, line in enumerate(lines, 2):
        words = line.split(" ")
        if len(words) != 4:
            raise _broken(file, number, line)
        node, name, version, digest = words
        none = version == digest == _NOTHING
        good = _NODE.fullmatch(node) and _NAME.fullmatch(name)
        if not good or not (none or (_VERSION.fullmatch(version) and _DIGEST.fullmatch(digest))):
            raise _broken(file, number, line)
        found.setdefault(node, {})[name] = Version() if none else Version(version, digest)
    return found


def _broken(file: str, number: int, line: str) -> Exception:
    return refusal(
        f"not a line of what is assigned: {shown(line)}",
        "remove the file and deploy again: nodes keep what they run until then",
        file=file,
        line=number,
    )


def assigned_text(order: str, assigned: Assigned) -> str:
    """A bank's file.

    Args:
        order: name of the roll-out, 16 hex digits.
        assigned: what its nodes are to run.
    """
    lines = [
        f"{node} {name} {version.name or _NOTHING} {version.digest or _NOTHING}\n"
        for node, works in assigned.items()
        for name, version in sorted(works.items())
    ]
    return "".join([f"picluster-assigned/1 {order}\n", *lines])

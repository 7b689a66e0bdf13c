#!/usr/bin/python3
"""The nodes that this boot server boots, as its daemons read them from ``nodes.csv``.

``node_plan.py FILE`` checks a file and says what is wrong with it.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from pathlib import Path
from typing import NamedTuple

HEADER = "address,mac,name,image"
#: A MAC address as everything here writes it.
MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}", re.ASCII)
#: Name of an image version, or of a pointer to one.
IMAGE = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?", re.ASCII)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
#: Seconds between two looks at the file.
_LOOK_S = 1.0


class Node(NamedTuple):
    """A node: dotted quad, canonical MAC address, host name."""

    address: str
    mac: str
    name: str


class PlanError(ValueError):
    """The file cannot be read or holds something else; the message says where and what."""


def parse_nodes(text: str, file: str) -> dict[str, Node]:
    """Read the lines of a ``nodes.csv``.

    Args:
        text: the header ``address,mac,name,image``, then one line per node; lines that begin
            with ``#`` are passed over.
        file: its name, for messages.

    Returns:
        Nodes by address.

    Raises:
        PlanError: a line is something else, or an address or MAC address comes twice.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.split("\n"), 1)
        if line and not line.startswith("#")
    ]
    if not lines or lines[0][1] != HEADER:
        raise PlanError(f"{file}: the first line is not {HEADER}; run site.yml again")
    nodes: dict[str, Node] = {}
    macs: set[str] = set()
    for number, line in lines[1:]:
        node = _node(line)
        if node is None or node.address in nodes or node.mac in macs:
            raise PlanError(
                f"{file}:{number}: not one node of its own: {ascii(line)[:80]}; run site.yml again"
            )
        nodes[node.address] = node
        macs.add(node.mac)
    return nodes


def _node(line: str) -> Node | None:
    fields = line.split(",")
    if len(fields) != 4:
        return None
    address, mac, name, image = fields
    good = (
        _is_address(address)
        and MAC.fullmatch(mac)
        and _NAME.fullmatch(name)
        and IMAGE.fullmatch(image)
    )
    return Node(address, mac, name) if good else None


def _is_address(text: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(text)) == text
    except ValueError:
        return False


def read_nodes(path: Path) -> dict[str, Node]:
    """Read the file.

    Raises:
        PlanError: it cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise PlanError(f"{path}: cannot read the nodes: {error}") from error
    return parse_nodes(text, str(path))


class PlanFile:
    """The nodes by address, kept as the file says; a file that is refused changes nothing.

    Attributes:
        nodes: nodes by address; none before the first :meth:`refresh`.
    """

    def __init__(self, path: Path) -> None:
        self.nodes: dict[str, Node] = {}
        self._path = path
        self._seen: tuple[int, ...] | None = None
        self._next = float("-inf")

    def refresh(self, now: float) -> bool:
        """Look whether the file was replaced, at most once in a second.

        Args:
            now: seconds on a clock that never goes back.

        Returns:
            Whether the nodes were read anew.

        Raises:
            PlanError: there is another file, or none, and it is refused; said once per file.
        """
        if now < self._next:
            return False
        self._next = now + _LOOK_S
        found = self._identity()
        if found == self._seen:
            return False
        self._seen = found
        self.nodes = read_nodes(self._path)
        return True

    def _identity(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError:
            return ()
        return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def main(words: list[str]) -> int:
    """Check the file named.

    Returns:
        0 when it is good; 1 otherwise, with the reason on standard error.
    """
    try:
        read_nodes(Path(words[0]))
    except PlanError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses which image version: pointers, the plan, and the boards that run."""

from __future__ import annotations

import csv
import ipaddress
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .image_store import POINTERS, ImageStore, StoreError

NFS_PORT = 2049
HEADER = ["address", "mac", "name", "image"]

_ESTABLISHED = "01"
_IMAGE = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", re.ASCII)
_NAME = re.compile(r"pi-([0-9]{1,5})-[0-9]{1,5}", re.ASCII)
_REPORT_MAX = 1 << 16


@dataclass(frozen=True)
class PlannedNode:
    """A node of the plan, as ``nodes.csv`` has it.

    Attributes:
        address: dotted quad.
        name: ``pi-<bank>-<slot>``.
        image: a version, or the name of a pointer.
    """

    address: str
    name: str
    image: str

    @property
    def bank(self) -> str:
        """Number of the bank it stands in."""
        return self.name.split("-")[1]


def planned(path: Path) -> list[PlannedNode]:
    """Read the nodes a boot server boots.

    Raises:
        StoreError: the file is not there, or a line is not as ``picluster render nodes`` writes it.
    """
    try:
        with path.open(encoding="ascii", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StoreError(f"{path} cannot be read: {error}; run site.yml") from error
    if not rows or rows[0] != HEADER:
        raise StoreError(f"{path}:1: its header is not {','.join(HEADER)}; run site.yml")
    nodes: dict[str, PlannedNode] = {}
    for number, row in enumerate(rows[1:], 2):
        node = _node(row)
        if node is None or node.address in nodes:
            why = "is there twice" if node else "is no line of nodes"
            raise StoreError(f"{path}:{number}: {','.join(row)!a} {why}; run site.yml")
        nodes[node.address] = node
    return list(nodes.values())


def _node(row: list[str]) -> PlannedNode | None:
    if len(row) != len(HEADER):
        return None
    address, _, name, image = row
    if is_address(address) and _NAME.fullmatch(name) and _IMAGE.fullmatch(image):
        return PlannedNode(address, name, image)
    return None


def is_address(text: str) -> bool:
    """Whether a text is a dotted quad as it is always written."""
    try:
        return str(ipaddress.IPv4Address(text)) == text
    except ValueError:
        return False


# ---- boards that run


def connected(proc: Path = Path("/proc"), port: int = NFS_PORT) -> set[str]:
    """Addresses with an established TCP connection to a port here, but for this machine's own.

    Raises:
        StoreError: the kernel's table cannot be read.
    """
    found = set()
    for name in ("tcp", "tcp6"):
        path = proc / "net" / name
        try:
            lines = path.read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:
            if name == "tcp":
                raise StoreError(f"{path} is not there: connections cannot be told") from None
            continue  # no IPv6 here
        found |= {_peer(line, port) for line in lines} - {""}
    return found


def _peer(line: str, port: int) -> str:
    """The other end of a connection to the port; empty for all else."""
    words = line.split()
    if len(words) < 4 or words[3] != _ESTABLISHED:
        return ""
    if int(words[1].rpartition(":")[2], 16) != port:
        return ""
    address = _kernel_address(words[2].rpartition(":")[0])
    return "" if address.is_loopback else str(address)


def _kernel_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address as the kernel prints it: words of 32 bits in the machine's own order."""
    words = [text[at : at + 8] for at in range(0, len(text), 8)]
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    if len(packed) == 4:
        return ipaddress.IPv4Address(packed)
    address = ipaddress.IPv6Address(packed)
    return address.ipv4_mapped or address


@dataclass(frozen=True)
class Report:
    """The last a node said of itself.

    Attributes:
        address: dotted quad.
        name: its name; its address when the report has none.
        image: the version it booted; empty when the report has none.
    """

    address: str
    name: str
    image: str


def reports(folder: Path) -> dict[str, Report]:
    """Read the last message of each node, by address; what cannot be read tells no version."""
    return {report.address: report for report in _reports(folder)}


def _reports(folder: Path) -> Iterator[Report]:
    for path in sorted(folder.glob("*.json")):
        if not is_address(path.stem):
            continue
        try:
            with path.open("rb") as file:
                data = json.loads(file.read(_REPORT_MAX))
            name, image = str(data["name"]), str(data["image"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            name = image = ""
        yield Report(
            path.stem,
            name if _NAME.fullmatch(name) else path.stem,
            image if _IMAGE.fullmatch(image) and image not in POINTERS else "",
        )


# ---- all of it


@dataclass(frozen=True)
class Use:
    """Why versions have to stay.

    Attributes:
        pointers: pointers by version.
        plan: names of the nodes that are to boot it by name, by version: by the plan, or by the
            link the TFTP server has for them.
        live: names of the nodes that said they run it, by version.
        unknown: connected clients whose version is not known: names, or addresses off plan.
    """

    pointers: dict[str, list[str]] = field(default_factory=dict)
    plan: dict[str, list[str]] = field(default_factory=dict)
    live: dict[str, list[str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def reasons(self, version: str) -> list[str]:
        """Why a version has to stay, as clauses; empty when nothing uses it."""
        found = [f"{name} points to it" for name in self.pointers.get(version, ())]
        if version in self.plan:
            found.append(f"planned for {some(self.plan[version])}")
        if version in self.live:
            found.append(f"used by {some(self.live[version])}")
        return found


def some(names: list[str]) -> str:
    """The first names of a list, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def use(store: ImageStore, nodes: Path, state: Path, proc: Path = Path("/proc")) -> Use:
    """Find out who uses what.

    Args:
        store: the boot server's versions.
        nodes: its ``nodes.csv``.
        state: directory with the last message of each node.
        proc: where the kernel shows its tables.

    Raises:
        StoreError: the plan or the kernel's table cannot be read, or a pointer leads nowhere known.
    """
    plan = planned(nodes)
    found = Use(plan=_booted_by_name(store, plan))
    for pointer, version in store.pointers().items():
        if version:
            found.pointers.setdefault(version, []).append(pointer)
    by_address = {node.address: node.name for node in plan}
    known = reports(state)
    for report in known.values():
        if report.image:
            found.live.setdefault(report.image, []).append(report.name)
    for address in sorted(connected(proc), key=_in_order):
        if address not in known or not known[address].image:
            found.unknown.append(by_address.get(address, address))
    return found


def _booted_by_name(store: ImageStore, plan: list[PlannedNode]) -> dict[str, list[str]]:
    """Names of the nodes that the plan or their link lets boot a version by name, by version."""
    found: dict[str, list[str]] = {}
    for node in plan:
        if node.image not in POINTERS:
            found.setdefault(node.image, []).append(node.name)
    known = {node.address: node for node in plan}
    for address, image in _linked(store):
        linked = known.get(address)
        if linked is None or linked.image != image:
            found.setdefault(image, []).append(linked.name if linked else address)
    return found


def _linked(store: ImageStore) -> Iterator[tuple[str, str]]:
    """Address and version of each link of the TFTP server that leads to a version by name."""
    folder = store.staged.with_name("nodes")
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:  # up to 65,000 of them
        names = sorted(entry.name for entry in entries if entry.is_symlink())
    for name in names:
        image = os.readlink(f"{folder}/{name}").rpartition("/")[2]  # noqa: PTH115
        if image not in POINTERS and _IMAGE.fullmatch(image) and is_address(name):
            yield name, image


def _in_order(address: str) -> tuple[int, int]:
    found = ipaddress.ip_address(address)
    return found.version, int(found)

"""Versions of workloads on the boot servers: who uses them, and which may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from picluster.campaign.fleet import Fleet
from picluster.rollout.shelf import Shelf

LATEST, WANTED, PREVIOUS = "latest", "wanted", "previous"


@dataclass(frozen=True, slots=True)
class Size:
    """What a version takes.

    Attributes:
        bytes: of all its files.
        delivered: when it was delivered, seconds since 1970.
    """

    bytes: int
    delivered: float


@dataclass(frozen=True, slots=True)
class Stored:
    """A version on a boot server.

    Attributes:
        server, workload, version: which.
        size: see :class:`Size`.
        pointers: of ``latest`` (delivered last), ``wanted`` (assigned last), ``previous``.
        assigned: names of nodes that are assigned it.
        running: those of nodes that said last, in their present boot, that they have it, or
            addresses of boards that are no node of the plan.
    """

    server: str
    workload: str
    version: str
    size: Size
    pointers: tuple[str, ...] = ()
    assigned: tuple[str, ...] = ()
    running: tuple[str, ...] = ()

    @property
    def uses(self) -> list[str]:
        """Why it has to stay, whatever else; empty where nothing uses it."""
        found = [f"it is {pointer}" for pointer in self.pointers]
        if self.assigned:
            more = len(self.assigned) - 1
            who = f"and {more} more are" if more else "is"
            found.append(f"{self.assigned[0]} {who} assigned it")
        others = [name for name in self.running if name not in self.assigned]
        return found + ([f"{others[0]} runs it still"] if others else [])

    def plain(self) -> dict[str, object]:
        """It as plain data."""
        return asdict(self)


def stored(
    shelves: Iterable[Shelf], sizes: Mapping[str, Mapping[str, Mapping[str, Size]]], fleet: Fleet
) -> list[Stored]:
    """Every version, by server and workload, the newest first.

    Args:
        shelves: what the servers hold.
        sizes: of versions, by server, workload and version.
        fleet: the boards.
    """
    names = {board.address: board.name for board in fleet.boards}
    found = []
    for shelf in shelves:
        for workload, versions in shelf.versions.items():
            for version in versions:
                size = sizes.get(shelf.server, {}).get(workload, {}).get(version)
                if size is not None:  # it went in between
                    found.append(_stored(shelf, workload, version, size, names))
    return sorted(found, key=lambda one: (one.server, one.workload, -one.size.delivered))


def _stored(
    shelf: Shelf, workload: str, version: str, size: Size, names: Mapping[str, str]
) -> Stored:
    wanted, before = shelf.wanted.get(workload, ("", ""))
    pointers = {LATEST: shelf.latest.get(workload), WANTED: wanted, PREVIOUS: before}
    works = {
        names.get(address, address): said[workload][0]
        for address, said in shelf.works.items()
        if workload in said
    }
    return Stored(
        shelf.server, workload, version, size,
        tuple(pointer for pointer, name in pointers.items() if name == version),
        tuple(
            node
            for node, one in shelf.assigned.items()
            if workload in one and one[workload].name == version
        ),
        tuple(node for node, name in works.items() if name == version),
    )  # fmt: skip


def verdicts(versions: Sequence[Stored], keep: int) -> list[tuple[Stored, list[str]]]:
    """Why each version stays; nothing for one that may go.

    Args:
        versions: as :func:`stored` gives them.
        keep: newest versions of each workload on each server that stay, used or not.
    """
    seen: dict[tuple[str, str], int] = {}
    found = []
    for one in versions:
        place = seen[one.server, one.workload] = seen.get((one.server, one.workload), 0) + 1
        why = one.uses
        found.append((one, why + ([f"among the newest {keep}"] if place <= keep else [])))
    return found

"""What a roll-out shall bring, and every reason to refuse it before the first batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from picluster.campaign.fleet import Board
from picluster.errors import PiclusterError, Problem, refusal
from picluster.rollout.assigned import Version
from picluster.rollout.shelf import Artefact, Shelf

DEPLOY, UNDEPLOY, ROLLBACK = "deploy", "undeploy", "rollback"
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """Memory of a board, MiB.

    Attributes:
        board_mib: what it has: a 3B+ has 1024.
        system_mib: what the system needs of it.
    """

    board_mib: int = 1024
    system_mib: int = 192

    @property
    def usable_mib(self) -> int:
        """What is left for workloads."""
        return self.board_mib - self.system_mib


@dataclass(frozen=True, slots=True)
class Target:
    """What the boards are to have.

    Attributes:
        workload: its name.
        version: the version; an empty one for none of it.
        start_s: seconds it may take to be well.
        drain_s: seconds any version of it may take to let go of its work.
    """

    workload: str
    version: Version
    start_s: int
    drain_s: int


def target_of(action: str, workload: str, version: str, shelves: Sequence[Shelf]) -> Target:
    """Find the version that is meant, and refuse one that is not the same everywhere.

    Args:
        action: :data:`DEPLOY`, :data:`UNDEPLOY` or :data:`ROLLBACK`.
        workload: its name.
        version: empty for the one delivered last.
        shelves: of every boot server of the banks that are meant.

    Raises:
        PiclusterError: the workload is unknown, a version is missing or differs on a server, or
            there is none to go back to.
    """
    known = sorted({name for shelf in shelves for name in shelf.versions})
    if workload not in known:
        there = f"there are: {', '.join(known)}" if known else "none is there"
        remedy = f"{there}; ansible-playbook playbooks/deploy.yml -e workload={workload} brings one"
        raise refusal(f"no boot server has a workload {workload}", remedy)
    drain_s = max(
        (one.drain_s for shelf in shelves for one in shelf.versions.get(workload, {}).values()),
        default=0,
    )
    if action == UNDEPLOY:
        return Target(workload, Version(), 0, drain_s)
    wanted = version or _version(action, workload, shelves)
    artefact = _everywhere(workload, wanted, shelves)
    return Target(workload, Version(wanted, artefact.digest), artefact.start_s, drain_s)


def _version(action: str, workload: str, shelves: Sequence[Shelf]) -> str:
    """The version delivered last, or the one before the present one."""
    if action == ROLLBACK:
        found = {shelf.server: shelf.wanted.get(workload, ("", ""))[1] for shelf in shelves}
        none = f"{workload} has no version before the present one"
    else:
        found = {shelf.server: shelf.latest.get(workload, "") for shelf in shelves}
        none = f"no version of {workload} was delivered"
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{server}: {one or 'none'}" for server, one in found.items())
        raise refusal(f"the boot servers would take different versions: {listed}", "name one")
    (version,) = set(found.values())
    if not version:
        raise refusal(none, "name a version")
    return version


def _everywhere(workload: str, version: str, shelves: Sequence[Shelf]) -> Artefact:
    found = {shelf.server: shelf.versions.get(workload, {}).get(version) for shelf in shelves}
    remedy = f"ansible-playbook playbooks/deploy.yml -e workload={workload} brings it"
    problems = [
        Problem(f"{workload} {version} is missing on boot server {server}", remedy)
        for server, one in found.items()
        if one is None
    ]
    if problems:
        raise PiclusterError(problems)
    there = {server: one for server, one in found.items() if one is not None}
    if len({one.digest for one in there.values()}) > 1:
        raise refusal(
            f"{workload} {version} is not the same on {' and '.join(there)}",
            "deliver it under a new version",
        )
    return next(iter(there.values()))


def refuse_memory(
    target: Target, boards: Iterable[Board], shelves: Sequence[Shelf], limits: Limits
) -> None:
    """Refuse a version that does not fit beside what its boards run already.

    Raises:
        PiclusterError: naming some of the boards.
    """
    if not target.version.name:
        return
    versions = {name: dict(v) for shelf in shelves for name, v in shelf.versions.items()}
    need = versions[target.workload][target.version.name].memory_mib
    assigned = {node: works for shelf in shelves for node, works in shelf.assigned.items()}
    short: dict[int, list[str]] = {}
    for board in boards:
        others = sum(
            versions[name][version.name].memory_mib
            for name, version in assigned.get(board.name, {}).items()
            if name != target.workload and version.name in versions.get(name, {})
        )
        if need + others > limits.usable_mib:
            short.setdefault(others, []).append(board.name)
    if short:
        raise PiclusterError(
            Problem(
                f"{target.workload} {target.version.name} needs {need} MiB of memory"
                + (f" beside the {others} MiB of other workloads" if others else "")
                + f", and a board has {limits.usable_mib} MiB for workloads: {_some(names)}",
                f"a board has {limits.board_mib} MiB, {limits.system_mib} of them for the system; "
                "say so if yours have more",
            )
            for others, names in short.items()
        )


def unchanged(target: Target, boards: Iterable[Board], shelves: Sequence[Shelf]) -> set[str]:
    """Boards that are assigned the target already and said in this boot that it is well."""
    assigned = {node: works for shelf in shelves for node, works in shelf.assigned.items()}
    works = {address: said for shelf in shelves for address, said in shelf.works.items()}
    found = set()
    for board in boards:
        want = assigned.get(board.name, {}).get(target.workload)
        said = works.get(board.address, {}).get(target.workload)
        if target.version.name:
            if want == target.version and said == (target.version.name, True):
                found.add(board.name)
        elif (want is None or want == Version()) and said is None:
            found.add(board.name)
    return found


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more

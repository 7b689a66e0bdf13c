"""Which boards take a part of a job now: ready, well with the workload, and answering."""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from picluster.campaign.fleet import Board, fleet_of
from picluster.campaign.live.campaign import Options as CampaignOptions
from picluster.campaign.live.campaign import reaches_of
from picluster.campaign.live.status import BoardStatus, status_of
from picluster.campaign.stages import Stage
from picluster.errors import refusal
from picluster.mpi.hosts import Host
from picluster.plan.model import AddressPlan
from picluster.rollout.live.servers import BootServers
from picluster.rollout.shelf import Shelf
from picluster.rollout.target import DEPLOY, target_of, unchanged

WORKLOAD = "mpi"
_SSH = 22
_ANSWER_S = 5.0
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask for what.

    Attributes:
        nodes: names of nodes that are meant; empty for all.
        version: of the workload; empty for the one they are assigned.
        journal: file of the campaigns' journal; ``None`` for the user's own.
        reach: words before a command on a boot server, by its name.
    """

    nodes: tuple[str, ...] = ()
    version: str = ""
    journal: Path | None = None
    reach: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """The boards of a job.

    Attributes:
        version: the workload's.
        hosts: boards that take a part, by bank and slot.
        left_out: why others of those that are meant do not, by name.
    """

    version: str
    hosts: tuple[Host, ...]
    left_out: dict[str, str]


def boards_for_job(plan: AddressPlan, asked: Asked) -> Found:
    """Ask the boot servers which boards take a part of a job now, and these whether they answer.

    Args:
        plan: the address plan.
        asked: see :class:`Asked`.

    Raises:
        PiclusterError: a boot server cannot be reached, or holds no such version.
    """
    fleet = fleet_of(plan)
    meant = [board for board in fleet.boards if not asked.nodes or board.name in asked.nodes]
    banks = sorted({board.bank for board in meant})
    campaign = CampaignOptions(banks=tuple(banks), journal=asked.journal, reach=asked.reach)
    served = {bank.number: bank.boot_server for bank in plan.cluster.banks}
    reaches = reaches_of(plan, banks, campaign)
    shelves = BootServers(reaches, served, plan.cluster.export_root, fleet).look()
    said, problems = status_of(plan, campaign)
    if problems:
        raise refusal(str(problems[0]), "every boot server has to answer")
    found = chosen(meant, shelves, said, asked.version)
    silent = {host.address for host in found.hosts} - answering([h.address for h in found.hosts])
    return without(found, silent, "does not answer to ssh")


def chosen(
    meant: Sequence[Board], shelves: Sequence[Shelf], said: Sequence[BoardStatus], version: str
) -> Found:
    """The boards that are ready and well with a version of the workload.

    Args:
        meant: boards that are meant, by bank and slot.
        shelves: of the boot servers.
        said: how boards are.
        version: empty for the one they are assigned; of several, the one assigned last.

    Raises:
        PiclusterError: no boot server has it, or not all have the same.
    """
    version, well = _well(meant, shelves, version)
    found = Found(version, tuple(Host(one.name, one.address) for one in meant), {})
    for one in said:
        if one.failed or one.stage != Stage.READY.value:
            why = f"is at stage {one.stage}{', failed there' if one.failed else ''}"
            found = without(found, {one.address}, why)
    others = {board.address for board in meant if board.name not in well}
    return without(found, others, f"does not say that it is well with {WORKLOAD} {version}")


def without(found: Found, addresses: Collection[str], why: str) -> Found:
    """A job without the boards of some addresses."""
    out = {host.name: why for host in found.hosts if host.address in addresses}
    hosts = tuple(host for host in found.hosts if host.name not in out)
    return Found(found.version, hosts, found.left_out | out)


def _well(meant: Sequence[Board], shelves: Sequence[Shelf], version: str) -> tuple[str, set[str]]:
    """The version, and the boards that are assigned it and well with it in their present boot."""
    version = version or _assigned(meant, shelves)
    if not version:
        target_of(DEPLOY, WORKLOAD, "", shelves)  # says so where there is no such workload
        raise refusal(
            f"no version of {WORKLOAD} is deployed on all boot servers",
            f"picluster deploy {WORKLOAD}, or name a version",
        )
    target = target_of(DEPLOY, WORKLOAD, version, shelves)
    return version, unchanged(target, meant, shelves)


def _assigned(meant: Sequence[Board], shelves: Sequence[Shelf]) -> str:
    """The one version the boards are assigned; of several, the one that was assigned last."""
    all_of_it = [shelf.assigned.get(board.name, {}) for board in meant for shelf in shelves]
    versions = {works[WORKLOAD].name for works in all_of_it if WORKLOAD in works} - {""}
    if len(versions) != 1:
        versions = {shelf.wanted.get(WORKLOAD, ("", ""))[0] for shelf in shelves}
    return versions.pop() if len(versions) == 1 else ""


def answering(addresses: Sequence[str]) -> set[str]:
    """Those at which sshd takes a connection, within five seconds; 64 are asked at a time."""

    def one(address: str) -> bool:
        try:
            with socket.create_connection((address, _SSH), timeout=_ANSWER_S) as sock:
                return bool(sock.recv(4))
        except OSError:
            return False

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        answers = pool.map(one, addresses)
        return {address for address, there in zip(addresses, answers, strict=True) if there}

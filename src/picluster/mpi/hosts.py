"""The boards of a job, and the file that tells OpenMPI of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from picluster.errors import refusal
from picluster.plan.model import AddressPlan

#: Processors of a 3B+.
SLOTS = 4
MOST_SLOTS = 256


@dataclass(frozen=True, slots=True)
class Host:
    """A board of a job.

    Attributes:
        name: of the node.
        address: its IPv4 address; OpenMPI reaches it by this, no name has to be resolved.
    """

    name: str
    address: str


def hosts_of(plan: AddressPlan, names: Iterable[str]) -> list[Host]:
    """Boards by bank and slot.

    Args:
        plan: the address plan.
        names: those that are meant.
    """
    wanted = set(names)
    return [Host(node.name, node.address) for node in plan.nodes if node.name in wanted]


def hostfile(hosts: Sequence[Host], slots: int = SLOTS) -> str:
    """A hostfile of OpenMPI: a line for each board, the same bytes for the same boards.

    Args:
        hosts: the boards.
        slots: ranks that a board takes.

    Raises:
        PiclusterError: no such number of slots.
    """
    if not 1 <= slots <= MOST_SLOTS:
        raise refusal(f"{slots} ranks on a board", f"1 to {MOST_SLOTS}; a 3B+ has 4 processors")
    return "".join(f"{host.address} slots={slots} # {host.name}\n" for host in hosts)

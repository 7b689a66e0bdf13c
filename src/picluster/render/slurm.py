"""The nodes, partitions and switches of Slurm, from the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from picluster.plan.inventory import group_name
from picluster.plan.model import AddressPlan, Node
from picluster.registry.model import State


@dataclass(frozen=True, slots=True)
class NodeLine:
    """Nodes that one line describes: hostlist expressions of their names and addresses."""

    names: str
    addresses: str


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition, named like the group of the inventory, and its nodes as a hostlist."""

    name: str
    nodes: str


@dataclass(frozen=True, slots=True)
class SlurmSwitch:
    """A switch of the topology: it leads to nodes or to other switches, as a hostlist."""

    name: str
    nodes: str = ""
    switches: str = ""


def node_lines(plan: AddressPlan) -> Iterator[NodeLine]:
    """A line for each bank, and for each 256 addresses of a bank that has more."""
    for _, nodes in groupby(_workers(plan), key=_line_key):
        line = list(nodes)
        prefix = line[0].address.rpartition(".")[0]
        last = folded(int(node.address.rpartition(".")[2]) for node in line)
        yield NodeLine(_names(line), f"{prefix}.{last}")


def partitions(plan: AddressPlan) -> Iterator[Partition]:
    """One for each bank, and one for each domain."""
    banks = {bank: _names(nodes) for bank, nodes in _by_bank(plan).items()}
    for bank, names in banks.items():
        yield Partition(group_name("bank", bank), names)
    for domain, numbers in _by_domain(plan).items():
        if domain:
            yield Partition(domain, ",".join(banks[number] for number in numbers))


def switches(plan: AddressPlan) -> Iterator[SlurmSwitch]:
    """A switch for each bank; above them one for each domain; above all of them ``core``."""
    for bank, nodes in _by_bank(plan).items():
        yield SlurmSwitch(group_name("bank", bank), nodes=_names(nodes))
    top: list[str] = []
    for domain, numbers in _by_domain(plan).items():
        below = f"bank_{folded(numbers)}"
        if domain:
            yield SlurmSwitch(domain, switches=below)
        top.append(domain or below)
    if top:
        yield SlurmSwitch("core", switches=",".join(top))


def folded(numbers: Iterable[int]) -> str:
    """Ascending numbers as a hostlist has them: ``7``, or ``[1-6,8-42]``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    text = ",".join("-".join(map(str, span)) for span in spans)
    return text if text.isdecimal() else f"[{text}]"


def _workers(plan: AddressPlan) -> Iterator[Node]:
    """Quarantined and spare boards are given no work."""
    return (node for node in plan.nodes if node.state is State.ACTIVE)


def _line_key(node: Node) -> tuple[int, str]:
    return node.bank.number, node.address.rpartition(".")[0]


def _names(nodes: list[Node]) -> str:
    prefix = nodes[0].name.rpartition("-")[0]
    return f"{prefix}-{folded(node.slot for node in nodes)}"


def _by_bank(plan: AddressPlan) -> dict[int, list[Node]]:
    groups = groupby(_workers(plan), key=lambda node: node.bank.number)
    return {number: list(nodes) for number, nodes in groups}


def _by_domain(plan: AddressPlan) -> dict[str, list[int]]:
    """Banks that have nodes, by the group of their domain; the empty name for those of none."""
    found: dict[str, list[int]] = {}
    for number in _by_bank(plan):
        domain = plan.cluster.bank(number).domain
        name = "" if domain is None else group_name("domain", domain)
        found.setdefault(name, []).append(number)
    return found

"""The address plan: every node with its address and place."""

from __future__ import annotations

from dataclasses import dataclass

from picluster.cluster.model import Bank, Cluster
from picluster.mac import MacAddress
from picluster.registry.model import State


@dataclass(frozen=True, slots=True)
class Node:
    """A slot that holds a board.

    Attributes:
        name: ``pi-<bank>-<slot>``.
        bank: the bank it stands in.
        slot: slot in the bank, from 1.
        address: dotted quad on the boot network.
        mac: its MAC address, canonical.
        serial: 8 hex digits, or empty while unknown.
        switch: switch its port belongs to, or empty.
        port: switch port, or empty while unknown.
        state: use of the board.
    """

    name: str
    bank: Bank
    slot: int
    address: str
    mac: MacAddress
    serial: str
    switch: str
    port: str
    state: State


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """Every node of a cluster, checked as a whole.

    Attributes:
        cluster: the description it was made from.
        nodes: by bank and slot.
        sample: the registry says that its boards are invented.
    """

    cluster: Cluster
    nodes: tuple[Node, ...]
    sample: bool = False

    def booted_by(self, server: str) -> tuple[Node, ...]:
        """The nodes a boot server boots."""
        return tuple(node for node in self.nodes if node.bank.boot_server == server)

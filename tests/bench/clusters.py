"""Clusters to measure with: those of the project, and one that fills a /16."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picluster.cluster.load import find_description, load_cluster
from picluster.registry.sample import sample_text
from twin.head.places import TREE

if TYPE_CHECKING:
    from pathlib import Path

MINI = TREE / "inventory" / "mini"
MINI_NODES = 84
POLICEBOX = TREE / "inventory" / "policebox"
POLICEBOX_NODES = 1050
#: 256 banks of 254: every address of a /16 that ends in neither 0 nor 255.
FULL_NODES = 65024

_FULL = """---
plugin: picluster
name: full
network: 172.20.0.0/16
bank_size: 254
head: {name: full-head, address: 172.20.0.255, boot_interface: eth1}
banks:
"""
_CONNECTION = "group_vars/head/connection.yml"


def make_full(folder: Path, banks: int = 256) -> Path:
    """Write a cluster of ``banks`` times 254 nodes, the boards of its registry invented.

    Returns:
        The folder, an inventory source like the project's own.
    """
    folder.mkdir(parents=True)
    description = folder / "cluster.picluster.yml"
    rows = "".join(f"  - {{number: {number}}}\n" for number in range(banks))
    description.write_text(_FULL + rows)
    (folder / "macs.csv").write_text(sample_text(load_cluster(description)))
    connection = folder / _CONNECTION
    connection.parent.mkdir(parents=True)
    connection.write_bytes((MINI / _CONNECTION).read_bytes())
    return folder


def description_of(inventory: Path) -> Path:
    """The cluster description of an inventory folder."""
    return find_description(inventory)

"""The plan of a description file and the registry it names."""

from __future__ import annotations

from pathlib import Path

from picluster.cluster.load import load_cluster
from picluster.plan.build import build_plan
from picluster.plan.model import AddressPlan
from picluster.registry.file import load_registry


def read_plan(description: Path) -> AddressPlan:
    """Read both files and plan.

    Raises:
        PiclusterError: from reading either, or from the plan.
    """
    cluster = load_cluster(description)
    return build_plan(cluster, load_registry(cluster.registry))

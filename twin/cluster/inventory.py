"""The inventory of a live twin: the cluster's own, with the twin's devices and ways in."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import yaml

from picluster.cluster.load import find_description
from picluster.errors import os_errors
from picluster.plan.inventory import ssh_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from twin.head import Head


def write_inventory(
    source: Path,
    target: Path,
    head: Head,
    *,
    proxy: str,
    overrides: Mapping[str, Mapping[str, Mapping[str, object]]],
    hosts: Mapping[str, Mapping[str, object]],
) -> None:
    """Write it; an older one is replaced.

    Args:
        source: the cluster's inventory, a folder.
        target: the folder to make.
        head: the head, up.
        proxy: words of ``ssh`` that lead to the boards.
        overrides: what the description says instead, by list (``pdus``) and name.
        hosts: more variables of single boards.

    Raises:
        PiclusterError: it cannot be written.
    """
    with os_errors("write the twin's inventory", target):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("known_hosts", "*.lock"))
        override(find_description(target), overrides)
        own = yaml.safe_load(head.inventory.read_text(encoding="utf-8"))
        known_hosts = ssh_arguments(head.places.nodes_known_hosts)
        own["all"]["children"]["pi"] = {
            "hosts": {name: dict(variables) for name, variables in hosts.items()},
            "vars": {
                "ansible_user": "root",
                "ansible_ssh_private_key_file": str(head.places.key),
                "ansible_ssh_common_args": f"{known_hosts} {proxy}",
            },
        }
        # Read last: it has the last word on what both say.
        (target / "twin.yml").write_text(_yaml(own), encoding="utf-8")


def override(
    description: Path, overrides: Mapping[str, Mapping[str, Mapping[str, object]]]
) -> None:
    """Let a description name other devices.

    Args:
        description: the file; rewritten.
        overrides: see :func:`write_inventory`.
    """
    data = yaml.safe_load(description.read_text(encoding="utf-8"))
    for entries, by_name in overrides.items():
        for entry in data.get(entries, ()):
            entry.update(by_name.get(entry["name"], {}))
    description.write_text(_yaml(data), encoding="utf-8")


def _yaml(data: Any) -> str:
    text: str = yaml.safe_dump(data, sort_keys=False)
    return f"---\n{text}"

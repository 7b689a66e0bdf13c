"""Where the playbooks are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path

from picluster.errors import refusal

#: Names the folder where neither the inventory nor the current folder lies in it.
VARIABLE = "PICLUSTER_PROJECT"


def find_project(inventory: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder that holds ``ansible.cfg`` and ``playbooks``.

    ``PICLUSTER_PROJECT`` when it is set, else the nearest one above the inventory, else the
    nearest one above the current folder.

    Raises:
        PiclusterError: there is none, or the variable names another folder.
    """
    named = environment.get(VARIABLE, "")
    if named:
        if not _is_project(Path(named)):
            raise refusal(f"{VARIABLE} names no folder with ansible.cfg and playbooks", file=named)
        return Path(named).resolve()
    for start in (inventory.resolve(), Path.cwd()):
        for folder in (start, *start.parents):
            if _is_project(folder):
                return folder
    raise refusal(
        "no folder with ansible.cfg and playbooks above the inventory or the current folder",
        f"run this in the project, or set {VARIABLE}",
        file=inventory,
    )


def default_inventory(environment: Mapping[str, str] = os.environ) -> Path:
    """The inventory of the project's ``ansible.cfg``, which Ansible takes when none is named.

    Raises:
        PiclusterError: there is no project around the current folder, or it names no inventory.
    """
    settings = find_project(Path.cwd(), environment) / "ansible.cfg"
    parser = ConfigParser(interpolation=None)
    parser.read(settings, encoding="utf-8")
    named = parser.get("defaults", "inventory", fallback="")
    if not named:
        raise refusal("it names no inventory", "give one with -i", file=settings)
    return settings.parent / named


def _is_project(folder: Path) -> bool:
    return (folder / "ansible.cfg").is_file() and (folder / "playbooks").is_dir()

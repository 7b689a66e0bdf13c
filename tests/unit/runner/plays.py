"""Playbooks of one play for tests, on this machine, for a few hosts."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

HOSTS = {
    "all": {
        "hosts": {"one": None, "two": None},
        "vars": {"ansible_python_interpreter": sys.executable},
    }
}
Tasks = Sequence[Mapping[str, object]]


def project(folder: Path, tasks: Tasks, name: str = "play.yml") -> Path:
    """A project whose only playbook runs tasks on every host by a local connection."""
    (folder / "playbooks").mkdir(parents=True, exist_ok=True)
    (folder / "ansible.cfg").write_text("[defaults]\ninventory = none\n")
    play = [{"hosts": "all", "gather_facts": False, "connection": "local", "tasks": list(tasks)}]
    (folder / "playbooks" / name).write_text(json.dumps(play))
    (folder / "hosts.yml").write_text(json.dumps(HOSTS))
    return folder

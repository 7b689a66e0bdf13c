"""Tasks on this machine, by ansible-playbook, as a user's playbook has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY


def results(folder: Path, *tasks: dict[str, Any]) -> list[dict[str, Any]]:
    """What each task gave, in order.

    Args:
        folder: place for the playbook.
        tasks: the tasks of one run.
    """
    book = folder / "book.yml"
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [*tasks]}]))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_INVENTORY_ENABLED": "host_list",
    }
    done = subprocess.run(
        [program, "-i", "localhost,", "-c", "local", str(book)],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    found = json.loads(done.stdout[done.stdout.index("{") :])
    return [task["hosts"]["localhost"] for task in found["plays"][0]["tasks"]]

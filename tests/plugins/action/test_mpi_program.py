"""The module ``mpi_program``, by ansible-playbook."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

SOURCE = REPOSITORY / "roles" / "workload_mpi" / "files" / "primes" / "primes.c"


def results(folder: Path, *tasks: dict[str, Any]) -> list[dict[str, Any]]:
    """What each task gave."""
    plays = [{"hosts": "localhost", "gather_facts": False, "tasks": [*tasks]}]
    book = folder / "book.yml"
    book.write_text(json.dumps(plays))
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


@pytest.mark.skipif(shutil.which("mpicc") is None, reason="no mpicc here")
def test_a_program_is_built_and_is_gone_afterwards(tmp_path: Path) -> None:
    task = {"mpi_program": {"source": str(SOURCE)}, "register": "built"}
    look = {"ansible.builtin.stat": {"path": "{{ built.program }}"}}
    built, stat, again, _ = results(tmp_path, task, look, task, look)
    assert (built["name"], built["changed"], stat["stat"]["executable"]) == ("primes", False, True)
    assert stat["stat"]["checksum"]
    assert built["sha256"] == again["sha256"]
    assert not Path(built["program"]).exists()


def test_what_cannot_be_built_is_refused(tmp_path: Path) -> None:
    ignore = {"ignore_errors": True}
    no_source, no_file = results(
        tmp_path,
        {"mpi_program": {}, **ignore},
        {"mpi_program": {"source": "/nowhere/a.c"}, **ignore},
    )
    assert no_source["msg"] == "mpi_program: source is not given"
    assert "'/nowhere/a.c' is no C program; name a file that ends in .c" in no_file["msg"]

"""The module ``mpi_program``, by ansible-playbook."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from local_play import results

from tests.conftest import REPOSITORY

SOURCE = REPOSITORY / "roles" / "workload_mpi" / "files" / "primes" / "primes.c"


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

"""MPI programs, built by a real compiler."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from picluster.mpi.build import build_program
from tests.conftest import REPOSITORY

SOURCE = REPOSITORY / "roles" / "workload_mpi" / "files" / "primes" / "primes.c"
compiles = pytest.mark.skipif(shutil.which("mpicc") is None, reason="no mpicc here")


@compiles
def test_the_example_counts_and_has_the_same_bytes_wherever_it_lies(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    copy = shutil.copy(SOURCE, other)
    program = build_program(SOURCE, "mpicc -O2 -Wall -Wextra -Werror", tmp_path)
    again = build_program(Path(copy), "mpicc -O2 -Wall -Wextra -Werror", other)
    assert program.name == "primes"
    assert program.read_bytes() == again.read_bytes()
    words = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-np", "3", str(program)]
    done = subprocess.run([*words, "100"], capture_output=True, text=True, check=True, timeout=60)
    counts = [line.split()[::2] for line in done.stdout.splitlines()[:-1]]
    assert counts == [["0", "11"], ["1", "7"], ["2", "7"]]
    assert done.stdout.splitlines()[-1] == "primes below 100: 25"
    for wrong in ("-1", "1e3", "1000000001"):
        done = subprocess.run([*words, wrong], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert "primes LIMIT, a number from 0 to 1000000000" in done.stderr


@pytest.mark.parametrize(
    ("name", "compiler", "why"),
    [
        ("nothing.c", "mpicc", "is no C program; name a file that ends in .c"),
        ("text.txt", "mpicc", "is no C program"),
        ("bad.c", "no-such-cc -O2", "the compiler 'no-such-cc' is not installed"),
        ("bad.c", "", "the compiler '' is not installed"),
        ("bad.c", "mpicc 'x", 'not a compiler and its options: "mpicc \'x": No closing'),
        pytest.param("bad.c", "mpicc", "bad.c: mpicc failed: bad.c:1:4: error", marks=compiles),
    ],
)
def test_what_is_no_program_is_refused(tmp_path: Path, name: str, compiler: str, why: str) -> None:
    (tmp_path / "bad.c").write_text("mpi!\n")
    (tmp_path / "text.txt").write_text("")
    with pytest.raises(PiclusterError) as refused:
        build_program(tmp_path / name, compiler, tmp_path)
    assert why in str(refused.value)
    assert not (tmp_path / "bad").exists()

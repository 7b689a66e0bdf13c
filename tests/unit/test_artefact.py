"""Files that a person brings: missing, damaged, for another machine, too big."""

from __future__ import annotations

import hashlib
import shutil
import struct
import sys
from pathlib import Path

import pytest

from picluster.artefact import Artefact, check_artefacts
from picluster.elf import machine_of
from picluster.errors import PiclusterError


def program(path: Path, machine: int, order: str = "<") -> Path:
    """A file with the header of a program, and nothing behind it."""
    ident = b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02") + b"\x01" + bytes(9)
    path.write_bytes(ident + struct.pack(order + "HH", 2, machine))
    path.chmod(0o755)
    return path


def of(path: Path, machine: str = "", sha256: str = "") -> Artefact:
    found = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
    return Artefact("k3s", str(path), found, machine)


def refused(*artefacts: Artefact, most: int | None = None) -> list[str]:
    with pytest.raises(PiclusterError) as error:
        check_artefacts(artefacts, most)
    return [str(problem) for problem in error.value.problems]


def test_what_is_right_has_a_size(tmp_path: Path) -> None:
    arm = program(tmp_path / "k3s", 183)
    images = tmp_path / "images"
    images.write_bytes(b"x" * 100)
    assert check_artefacts([of(arm, "arm64"), of(images)], 120) == 120


def test_machines_are_known_by_the_header(tmp_path: Path) -> None:
    for number, name in ((183, "arm64"), (62, "amd64"), (40, "arm"), (8, "8")):
        assert machine_of(program(tmp_path / "x", number)) == name
    assert machine_of(program(tmp_path / "x", 183, ">")) == "arm64"
    # a real one
    assert machine_of(Path(sys.executable).resolve()) in {"amd64", "arm64"}


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    intel = program(tmp_path / "k3s", 62)
    text = tmp_path / "page.html"
    text.write_text("<html>Not Found</html>")
    text.chmod(0o755)
    plain = program(tmp_path / "plain", 183)
    plain.chmod(0o644)
    zeros = "0" * 64
    real = hashlib.sha256(intel.read_bytes()).hexdigest()
    assert refused(
        Artefact("k3s", "", ""),
        of(intel, "arm64"),
        of(text, "arm64"),
        of(intel, "amd64", zeros),
        of(intel, "amd64", "abc"),
        of(tmp_path / "nowhere", "", zeros),
        of(plain, "arm64"),
    ) == [
        "k3s is not named; get it where you have a network, and name it",
        f"{intel}: k3s is built for amd64, not arm64; get the one for arm64",
        f"{text}: is no program: it has no ELF header; name the right file",
        f"{intel}: k3s has the SHA-256 {real}, not {zeros}; get it again, or correct the sum",
        f"{intel}: k3s: 'abc' is no SHA-256; 64 hex digits, as its publisher gives them",
        f"{tmp_path}/nowhere: cannot read k3s: No such file or directory",
        f"{plain}: k3s is not executable; chmod +x {plain}",
    ]


def test_files_that_are_too_big_together_are_refused(tmp_path: Path) -> None:
    big = tmp_path / "images"
    shutil.copy("/bin/bash", big)
    size = big.stat().st_size
    assert check_artefacts([of(big)], size) == size
    assert refused(of(big), of(big), most=1 << 20) == [
        f"the files have {2 * size >> 20} MiB together, and 1 MiB are allowed; "
        "leave out what nodes do not need"
    ]

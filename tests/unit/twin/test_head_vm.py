"""What makes a head machine quick: its initramfs, and bytecode of what Ansible sends."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from twin.head.vm import bytecode, cpio

if TYPE_CHECKING:
    from pathlib import Path


def entries(archive: bytes) -> list[tuple[str, int, bytes]]:
    """Name, mode and content of each entry, read by the format's own lengths."""
    found, place = [], 0
    while True:
        assert archive[place : place + 6] == b"070701"
        fields = [int(archive[place + 6 + 8 * n : place + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        start = place + 110
        name = archive[start : start + name_size]
        assert name[-1:] == b"\0"
        content = start + name_size + -(start + name_size) % 4
        if name == b"TRAILER!!!\0":
            assert content == len(archive)
            return found
        found.append((name[:-1].decode(), mode, archive[content : content + size]))
        place = content + size + -size % 4


def test_an_initramfs_has_its_folders_before_its_files() -> None:
    packed = cpio.pack({"init": (b"#!/bin/sh\n", 0o755), "a/b/c": (b"12345", 0o644)})
    assert entries(packed) == [
        ("a", 0o40755, b""),
        ("a/b", 0o40755, b""),
        ("init", 0o100755, b"#!/bin/sh\n"),
        ("a/b/c", 0o100644, b"12345"),
    ]


def test_sources_in_a_zip_archive_are_compiled_once(tmp_path: Path) -> None:
    place = tmp_path / "kept"
    place.mkdir()
    (module,) = [
        content for path, (content, _) in bytecode.files().items() if path.endswith("bytecode.py")
    ]
    (tmp_path / "zip_bytecode.py").write_bytes(
        module.replace(b"/var/cache/zip-bytecode", str(place).encode())
    )
    compiled = "import zip_bytecode, zipimport, sys; old = zip_bytecode._compile; made = []\n"
    compiled += "zip_bytecode._compile = lambda *a: made.append(a) or old(*a)\n"
    compiled += "sys.path.insert(0, sys.argv[1]); import thing; print(thing.VALUE, len(made))"

    def run(name: str, source: str) -> list[str]:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("thing.py", source)
        words = [sys.executable, "-S", "-c", compiled, str(tmp_path / name)]
        environment = {"PYTHONPATH": str(tmp_path)}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert run("one.zip", "VALUE = 1") == ["1", "1"]
    assert run("other.zip", "VALUE = 1") == ["1", "0"]
    assert run("one.zip", "VALUE = 2") == ["2", "1"]
    for kept in place.iterdir():
        kept.write_bytes(b"\xff")
    assert run("one.zip", "VALUE = 2") == ["2", "1"]

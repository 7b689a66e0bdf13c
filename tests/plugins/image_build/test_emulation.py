"""A program of the board, tried before anything is downloaded."""

from __future__ import annotations

import errno
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.image_build import emulation
from plugins.module_utils.image_build.provider import BuildError


def test_the_program_ends_well_where_it_can_run(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(emulation.program())
    path.chmod(0o700)
    # By name: what the kernel has registered is the machine's, and changes with its containers.
    by = [] if platform.machine() == "aarch64" else ["qemu-aarch64-static"]
    assert subprocess.run([*by, str(path)], check=False).returncode == 0


def test_what_was_tried_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*_: Any, **__: Any) -> Any:
        return subprocess.CompletedProcess([], 0)

    monkeypatch.setattr(subprocess, "run", end)
    emulation.check(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_an_emulator_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOEXEC, "Exec format error")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(BuildError, match=r"Exec format error.*install qemu-user-static"):
        emulation.check(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_emulator_that_does_not_work_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        return subprocess.CompletedProcess([], 127)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(BuildError, match="fail here with status 127"):
        emulation.check(tmp_path)

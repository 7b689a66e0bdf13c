"""The action plugin packs files alike everywhere, follows a build and hands on its message."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shlex
import subprocess
import sys
import tarfile
import types
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def action() -> ModuleType:
    path = ROOT / "plugins/action/image_build.py"
    spec = importlib.util.spec_from_file_location("image_build_action", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fill(folder: Path, when: int) -> Path:
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/a").write_text("a")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o775)
    for path in folder.rglob("*"):
        os.utime(path, (when, when))
    return folder


def test_the_same_files_are_packed_alike(action: ModuleType, tmp_path: Path) -> None:
    one = action.pack([(fill(tmp_path / "one", 1), "/"), (tmp_path / "one/etc", "/usr/x")])
    (tmp_path / "two/etc").mkdir(parents=True)
    fill(tmp_path / "two/deep", 2)
    two = action.pack([(tmp_path / "two/deep", "/"), (tmp_path / "two/deep/etc", "/usr/x")])
    assert one == two
    with tarfile.open(fileobj=io.BytesIO(one[0])) as archive:
        found = {member.name: (oct(member.mode), member.uid, member.mtime) for member in archive}
    assert found == {
        "etc/a": ("0o644", 0, 0),
        "run": ("0o755", 0, 0),
        "usr/x/a": ("0o644", 0, 0),
    }


def test_a_change_of_a_file_or_of_its_mode_is_seen(action: ModuleType, tmp_path: Path) -> None:
    folder = fill(tmp_path / "one", 1)
    digests = {action.pack([(folder, "/")])[1]}
    (folder / "etc/a").chmod(0o755)
    digests.add(action.pack([(folder, "/")])[1])
    (folder / "etc/a").write_text("b")
    digests.add(action.pack([(folder, "/")])[1])
    assert len(digests) == 3


@pytest.mark.parametrize("kind", ["link", "fifo", "missing"])
def test_what_is_no_plain_file_is_refused(action: ModuleType, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "tree"
    if kind != "missing":
        folder.mkdir()
        (folder / "odd").symlink_to("/etc/shadow") if kind == "link" else os.mkfifo(folder / "odd")
    with pytest.raises(action.AnsibleActionFail, match=r"is no (plain file|directory)"):
        action.pack([(folder, "/")])


def test_the_recipe_follows_the_code(action: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    first = action.recipe(tmp_path)
    (tmp_path / "a.pyc").write_text("not code")
    assert action.recipe(tmp_path) == first
    (tmp_path / "a.py").write_text("2")
    assert action.recipe(tmp_path) != first


class Shell:
    """As much of a connection's shell as the reader asks for."""

    quote = staticmethod(shlex.quote)


class Builder:
    """A builder behind a terminal: what ``tail`` says of a file that is gone comes as a line."""

    def __init__(self, pieces: list[list[str] | None]) -> None:
        self.pieces = pieces
        self.commands: list[str] = []

    def answer(self, command: str, **_: Any) -> dict[str, Any]:
        self.commands.append(command)
        lines = self.pieces.pop(0) if self.pieces else None
        if lines is None:
            return {"rc": 1, "stdout_lines": ["tail: cannot open 'progress' for reading"]}
        return {"rc": 0, "stdout_lines": lines}


def follow(
    action: ModuleType, monkeypatch: pytest.MonkeyPatch, pieces: list[list[str] | None]
) -> tuple[list[str], Builder, list[str]]:
    """Follow a build whose progress file shows these pieces; what was said, and jobs asked."""
    builder, said, asked = Builder(pieces), [], []
    monkeypatch.setattr(action, "POLL_S", 0.0)
    monkeypatch.setattr(action, "SILENCE_S", 0.05)
    monkeypatch.setattr(action, "LIMIT_S", 5.0)
    plugin = object.__new__(action.ActionModule)
    plugin._connection = types.SimpleNamespace(_shell=Shell())
    plugin._low_level_execute_command = builder.answer
    plugin._say = said.append

    def job(name: str, _: dict[str, Any]) -> dict[str, Any]:
        asked.append(name)
        return {"finished": 1}

    plugin._job = job
    plugin._follow("progress", "7.8", {})
    return said, builder, asked


def test_each_line_is_shown_once_up_to_the_last(
    action: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[list[str] | None] = [["a", "b"], [], ["c", action.END], ["never"]]
    said, builder, asked = follow(action, monkeypatch, pieces)
    assert said == ["a", "b", "c"]
    assert [command.split()[2] for command in builder.commands] == ["+1", "+3", "+3"]
    assert asked == []


def test_a_file_that_is_gone_says_nothing_and_the_job_is_asked(
    action: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, _, asked = follow(action, monkeypatch, [["a"]])
    assert (said, asked) == (["a"], ["7.8"])


def options(tmp_path: Path) -> dict[str, Any]:
    return {
        "images": str(tmp_path / "images"),
        "provider": "debian",
        "release": "bookworm",
        "packages": ["bash"],
        "provider_options": {"kernel": "linux-image-arm64", "kernel_dependency": "linux-image-*"},
        "cache": str(tmp_path / "cache"),
        "trees": [{"src": str(tmp_path / "tree"), "dest": "/"}],
        "space": 1,
        "boot": {
            "firmware": [{"package": "fw", "source": "fw/start", "path": "start_cd.elf"}],
            "device_trees": [],
            "config": "",
            "cmdline": "",
            # An archive that is not there: the build ends at its first step.
            "sources": f"Types: deb\nURIs: file:{tmp_path}/none\nSuites: x\nComponents: main\n",
        },
    }


def run(tmp_path: Path, *more: str, **changes: Any) -> str:
    """Run the module through Ansible on this machine; gives what a person sees."""
    words = ["-i", "localhost,", "-c", "local", "-m", "image_build", "localhost", *more]
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible")),
            *words,
            *("-a", json.dumps({**options(tmp_path), **changes})),
            *("-e", f"ansible_python_interpreter={sys.executable}"),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.stdout + done.stderr


needs_builder = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/usr/bin/mmdebstrap").exists(),
    reason="an image is built by root, with mmdebstrap",
)


@needs_builder
def test_a_build_is_followed_to_its_message(tmp_path: Path) -> None:
    fill(tmp_path / "tree", 1)
    said = run(tmp_path)
    assert "[localhost] image: builds debian-bookworm-" in said
    assert "[localhost] image: get firmware" in said
    assert "cannot get firmware: " in said
    assert "FAILED!" in said
    assert [path.name for path in (tmp_path / "images").iterdir()] == [".lock"]


@needs_builder
def test_a_check_builds_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "tree", 1)
    said = run(tmp_path, "--check")
    assert "CHANGED" in said
    assert '"version": "debian-bookworm-' in said or "version: debian-bookworm-" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tree"]


def test_an_unknown_provider_is_refused_before_anything(tmp_path: Path) -> None:
    fill(tmp_path / "tree", 1)
    assert "node_image_provider: 'arch' is none of" in run(tmp_path, provider="arch")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tree"]

"""``picluster image`` against a boot server that is this machine, below a directory."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.conftest import MakeDescription
from tests.image_factory import make_version
from tests.unit.cli.commanding import picluster

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two versions; the older one is current, and a switch to the newer one was killed."""
    images, staged = tmp_path / "export" / "images", tmp_path / "tftp" / "images"
    make_version(images, "v1", day=1, packages={"bash": "5.2-1", "gone": "1"})
    make_version(images, "v2", day=2, packages={"bash": "5.2-2", "new": "3"})
    staged.mkdir(parents=True)
    for pointer in ("current", "canary"):
        (staged / pointer).symlink_to("v1")
    note = {"operation": "promote", "pointers": {"canary": "v2"}}
    (staged / ".switch.json").write_text(json.dumps(note))
    return images


@pytest.fixture
def run(
    description: MakeDescription,
    tmp_path: Path,
    repository: Path,
    images: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run ``picluster image`` with that server in the inventory."""
    assert images.is_dir()
    monkeypatch.setenv("PICLUSTER_PROJECT", str(repository))
    roots = {"tftp_root": str(tmp_path / "tftp"), "export_root": str(tmp_path / "export")}
    path = description(boot=roots, registry="bank,slot,mac\n1,1,b8:27:eb:00:00:01\n")
    way = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = tmp_path / "way.yml"
    hosts.write_text(json.dumps({"all": {"hosts": {"small-head": way}}}))

    def command(*words: object) -> CompletedProcess[str]:
        ran = picluster("image", *words, "-i", path, "-i", hosts)
        # A slow machine says meanwhile what is under way.
        errors = [line for line in ran.stderr.splitlines() if line.startswith("picluster: ")]
        return CompletedProcess(words, ran.returncode, ran.stdout, "\n".join(errors))

    return command


def test_list_and_show(run: Run, images: Path) -> None:
    listed = run("list")
    rows = [line.split() for line in listed.stdout.splitlines()]
    assert (listed.returncode, listed.stderr) == (0, "")
    assert rows[1][:5] == ["small-head", "v2", "2026-11-02T12:00", "6.1.0-40-arm64", "tree"]
    assert rows[2][:7] == [*rows[1][:1], "v1", "2026-11-01T12:00", *rows[1][3:5],
                           "current", "canary"]  # fmt: skip
    assert "small-head: a switch was killed and is ended by the next: canary to v2" in listed.stdout
    (images / "v1" / "root" / "mine").touch()
    seen = run("show", "current", "--json")
    (version,) = json.loads(seen.stdout)
    assert (seen.returncode, version["name"], version["damage"]) == (0, "v1", "")
    damage = "image version v1 is damaged: root: mine is new"
    verified = run("show", "v1", "--verify")
    assert verified.returncode == 3
    assert re.search(rf"^  state +{re.escape(damage)}$", verified.stdout, re.MULTILINE)


def test_diff(run: Run) -> None:
    compared = run("diff", "current", "v2")
    lines = compared.stdout.splitlines()
    assert (compared.returncode, compared.stderr) == (0, "")
    assert [line.split() for line in lines[:3]] == [
        ["package", "bash", "5.2-1", "->", "5.2-2"],
        ["package", "gone", "1", "->", "-"],
        ["package", "new", "-", "->", "3"],
    ]
    assert lines[-1] == ("v1 and v2 differ: 3 of kind package, 7 of kind boot file, 1 of kind size")


def test_what_is_refused(run: Run, tmp_path: Path) -> None:
    def said(*words: object) -> tuple[int, Any]:
        ran = run(*words)
        assert ran.stdout == ""
        return ran.returncode, ran.stderr.replace(str(tmp_path), "")

    assert said("show", "v9") == (1, "picluster: small-head has no version 'v9'; it has: v2, v1")
    assert said("prune", "--keep", "0") == (
        1,
        "picluster: --keep is 0; keep at least one version",
    )
    assert said("list", "-i", tmp_path / "no.yml") == (
        1,
        "picluster: /no.yml: no such inventory; name a folder under inventory/ or its description",
    )
    (tmp_path / "tftp" / "images" / "previous").symlink_to("/etc")
    assert said("list") == (
        1,
        "picluster: playbooks/images.yml failed: small-head: /tftp/images/previous leads to '/etc',"
        " which is no image version; correct it",
    )

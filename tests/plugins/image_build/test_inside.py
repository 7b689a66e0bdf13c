"""A root's links mean the root: nothing is written outside of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from plugins.module_utils.image_build.inside import inside, write
from plugins.module_utils.image_build.provider import BuildError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "usr/lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "abs").symlink_to("/usr")
    (root / "up").symlink_to("../../..")
    (root / "round").symlink_to("round")
    (root / "etc").mkdir()
    (tmp_path / "outside").write_bytes(b"of the builder")
    (root / "etc/resolv.conf").symlink_to(tmp_path / "outside")
    return root


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("etc/a", "etc/a"),
        ("/etc/a", "etc/a"),
        ("lib/a", "usr/lib/a"),
        ("abs/lib/a", "usr/lib/a"),
        ("etc/resolv.conf", "etc/resolv.conf"),
    ],
)
def test_links_are_followed_as_a_node_does(root: Path, path: str, found: str) -> None:
    assert inside(root, path) == root / found


@pytest.mark.parametrize("path", ["../a", "up/a", "etc/../../a", "round/a", "", "/"])
def test_a_path_that_leaves_the_root_is_refused(root: Path, path: str) -> None:
    with pytest.raises(BuildError):
        inside(root, path)


@pytest.mark.skipif(os.geteuid() != 0, reason="files become root's")
def test_a_link_is_replaced_and_not_written_through(root: Path, tmp_path: Path) -> None:
    write(root, "etc/resolv.conf", b"new", 0o640)
    assert (tmp_path / "outside").read_bytes() == b"of the builder"
    file = root / "etc/resolv.conf"
    assert (file.is_symlink(), file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (
        False,
        b"new",
        0o640,
    )
    write(root, "a/b/c", b"", 0o600)
    assert stat.S_IMODE((root / "a/b").stat().st_mode) == 0o755

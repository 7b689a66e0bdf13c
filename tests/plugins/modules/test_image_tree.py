"""Lists of trees: what is in them, and what they notice."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "motd").write_text("hello\n")
    (root / "etc" / "motd").chmod(0o600)
    (root / "etc" / "link to").symlink_to("a b\n%")
    (root / "empty").mkdir(mode=0o755)
    os.mkfifo(root / "pipe", 0o644)
    (root / os.fsdecode(b"\xff\xfe\n x")).write_bytes(b"")
    for path in (root, root / "etc"):
        path.chmod(0o755)
    return root


def listed(image_tree: ModuleType, root: Path) -> list[str]:
    """The lines, with the caller's own owner as ``me``."""
    me = f" {os.getuid()}:{os.getgid()} "
    return [line.replace(me, " me ") for line in image_tree.lines(root)]


def test_every_entry_has_its_line(image_tree: ModuleType, tree: Path) -> None:
    hello = hashlib.sha256(b"hello\n").hexdigest()
    empty = hashlib.sha256(b"").hexdigest()
    assert listed(image_tree, tree) == [
        "d 0755 me - - .",
        "d 0755 me - - empty",
        "d 0755 me - - etc",
        "l 0777 me - a%20b%0A%25 etc/link%20to",
        f"f 0600 me 6 {hello} etc/motd",
        "p 0644 me - - pipe",
        f"f 0644 me 0 {empty} %FF%FE%0A%20x",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices and gives files away")
def test_devices_and_owners_count(image_tree: ModuleType, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    os.mknod(root / "null", 0o20666, os.makedev(1, 3))
    (root / "null").chmod(0o666)
    os.chown(root / "null", 7, 8)
    assert list(image_tree.lines(root))[1:] == ["c 0666 7:8 - 1:3 null"]


def test_the_same_tree_gives_the_same_file(
    image_tree: ModuleType, tree: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.gz", tmp_path / "two.gz"
    found = image_tree.write_sums(tree, one)
    os.utime(tree / "etc" / "motd", (1, 1))
    assert image_tree.write_sums(tree, two) == found
    assert one.read_bytes() == two.read_bytes()
    text = gzip.decompress(one.read_bytes())
    assert found == hashlib.sha256(text).hexdigest()
    assert image_tree.read_sums(one) == (text.decode().splitlines(), found)


def test_every_kind_of_change_is_told(image_tree: ModuleType, tree: Path, tmp_path: Path) -> None:
    sums = tmp_path / "sums.gz"
    image_tree.write_sums(tree, sums)
    expected, _ = image_tree.read_sums(sums)
    assert list(image_tree.differences(tree, expected)) == []
    (tree / "etc" / "motd").write_text("jello\n")
    (tree / "pipe").unlink()
    (tree / "empty").chmod(0o700)
    (tree / "etc" / "link to").unlink()
    (tree / "etc" / "link to").symlink_to("elsewhere")
    (tree / "new").touch()
    assert sorted(image_tree.differences(tree, expected)) == [
        "empty is changed",
        "etc/link%20to is changed",
        "etc/motd is changed",
        "new is new",
        "pipe is missing",
    ]


def test_a_damaged_list_is_refused(image_tree: ModuleType, tree: Path, tmp_path: Path) -> None:
    sums = tmp_path / "sums.gz"
    image_tree.write_sums(tree, sums)
    good = sums.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    for bad in (b"no gzip", good[:-20], good[:5], bytes(flipped), gzip.compress(b"\xff")):
        sums.write_bytes(bad)
        with pytest.raises(ValueError, match=r"."):
            image_tree.read_sums(sums)

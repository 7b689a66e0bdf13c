"""What is there, whether it is whole, and where pointers lead."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.image_factory import make_version


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return tmp_path / "export"


@pytest.fixture
def store(image_store: ModuleType, export: Path, tmp_path: Path) -> Any:
    return image_store.ImageStore(export, tmp_path / "tftp")


def refused(store: Any, image_store: ModuleType, name: str, *, everything: bool = False) -> str:
    with pytest.raises(image_store.StoreError) as error:
        store.check(name, everything=everything)
    return str(error.value)


def test_versions_come_newest_first_and_what_is_under_way_does_not_count(
    store: Any, export: Path
) -> None:
    assert store.names() == []
    for name, day in (("b", 1), ("a", 2), ("c", 3)):
        make_version(export / "images", name, day=day)
    for name in (".building-x", ".removing-y", ".receiving-z", "Not-One", "current"):
        (export / "images" / name).mkdir()
    (export / "images" / "link").symlink_to("a")
    (export / "images" / "file").touch()
    (export / "images" / "unreadable").mkdir()
    assert store.names() == ["a", "b", "c", "unreadable"]
    found = {version.name: version for version in store.versions()}
    assert [name for name in found if name != "unreadable"] == ["c", "a", "b"]
    assert "manifest.json cannot be read" in found["unreadable"].damage
    assert {version.damage for version in found.values()} == {"", found["unreadable"].damage}
    assert [version.name for version in store.versions(only="a")] == ["a"]


@pytest.mark.parametrize("root", ["tree", "squashfs"])
def test_a_whole_version(store: Any, export: Path, root: str) -> None:
    manifest = make_version(export / "images", "v1", root=root)
    assert store.check("v1", everything=True).data == manifest


def spoil_boot_file(place: Path) -> None:
    (place / "boot" / "kernel8.img").write_bytes(b"x" * 9000)


def drop_boot_file(place: Path) -> None:
    (place / "boot" / "initramfs8").unlink()


def add_boot_file(place: Path) -> None:
    (place / "boot" / "extra").touch()


def link_boot_file(place: Path) -> None:
    (place / "boot" / "config.txt").unlink()
    (place / "boot" / "config.txt").symlink_to("/etc/hostname")


def drop_root(place: Path) -> None:
    (place / "root").rename(place / "elsewhere")


def drop_sums(place: Path) -> None:
    (place / "SHA256SUMS.gz").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_boot_file, "boot file kernel8.img is changed"),
        (drop_boot_file, "boot file initramfs8 is missing"),
        (add_boot_file, "boot file extra is new"),
        (link_boot_file, "boot file config.txt is no regular file"),
        (drop_root, "root is missing"),
        (drop_sums, "SHA256SUMS.gz is missing"),
    ],
)
def test_what_is_seen_at_a_glance(
    store: Any, image_store: ModuleType, export: Path, spoil: Any, said: str
) -> None:
    make_version(export / "images", "v1")
    spoil(export / "images" / "v1")
    assert refused(store, image_store, "v1") == f"image version v1 is damaged: {said}"
    (version,) = store.versions()
    assert version.damage == f"image version v1 is damaged: {said}"


def test_the_root_is_read_when_everything_is_to_be_checked(
    store: Any, image_store: ModuleType, export: Path
) -> None:
    make_version(export / "images", "v1")
    place = export / "images" / "v1"
    (place / "root" / "etc" / "os-release").write_text("mine\n")
    for number in range(7):
        (place / "root" / f"new{number}").touch()
    store.check("v1")
    assert refused(store, image_store, "v1", everything=True) == (
        "image version v1 is damaged: root: etc/os-release is changed, root: new0 is new, "
        "root: new1 is new, root: new2 is new, root: new3 is new and 3 more"
    )
    (place / "SHA256SUMS.gz").write_bytes(gzip.compress(b"d 0755 0:0 - - .\n"))
    assert "SHA256SUMS.gz is changed" in refused(store, image_store, "v1", everything=True)
    (place / "SHA256SUMS.gz").write_bytes(b"junk")
    assert "SHA256SUMS.gz cannot be read" in refused(store, image_store, "v1", everything=True)


def test_a_squashfs_root_is_read_too(store: Any, image_store: ModuleType, export: Path) -> None:
    make_version(export / "images", "v1", root="squashfs")
    (export / "images" / "v1" / "root.squashfs").write_bytes(b"hsqs v2")
    said = refused(store, image_store, "v1", everything=True)
    assert said == "image version v1 is damaged: root.squashfs is changed"


def test_an_absent_version_is_refused_with_those_that_are_there(
    store: Any, image_store: ModuleType, export: Path
) -> None:
    make_version(export / "images", "v1")
    said = f"there is no image version v2 in {export}/images; there: v1"
    assert refused(store, image_store, "v2") == said
    for name in ("../v1", "", "current", "v1/", "V1", "v1\n"):
        assert refused(store, image_store, name) == f"{name!r} is no name of an image version"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "its format is not 1"),
        ({"version": "v2"}, "it is of version 'v2'"),
        ({"built": 7}, "built is no text"),
        ({"root": "zip"}, "root is 'zip', neither tree nor squashfs"),
        ({"root_sha256": "00"}, "root_sha256 is no SHA-256"),
        ({"packages": []}, "packages is no mapping"),
        ({"boot": {"../x": {}}}, "boot file '../x' is no path below boot"),
        ({"boot": {"/x": {}}}, "boot file '/x' is no path below boot"),
        ({"boot": {"x": {"size": "1", "sha256": "0" * 64}}}, "boot file x has no size and SHA-256"),
        ({"boot": {"x": None}}, "boot file x has no size and SHA-256"),
    ],
)
def test_a_manifest_is_not_believed(
    store: Any, image_store: ModuleType, export: Path, change: dict[str, Any], said: str
) -> None:
    data = make_version(export / "images", "v1") | change
    path = export / "images" / "v1" / "manifest.json"
    path.write_text(json.dumps(data))
    expected = f"{path} is no manifest of version v1: {said}"
    assert refused(store, image_store, "v1") == expected


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "\xff", "[" * 100_000])
def test_what_is_no_manifest(store: Any, image_store: ModuleType, export: Path, text: str) -> None:
    make_version(export / "images", "v1")
    (export / "images" / "v1" / "manifest.json").write_bytes(text.encode("latin-1"))
    assert "manifest" in refused(store, image_store, "v1")


def test_the_daemon_can_pass_whatever_the_umask(store: Any) -> None:
    store.staged.parent.mkdir()
    before = os.umask(0o077)
    try:
        with store.locked():
            pass
    finally:
        os.umask(before)
    assert store.staged.stat().st_mode & 0o777 == 0o755


def test_pointers(store: Any, image_store: ModuleType) -> None:
    assert store.pointers() == {"current": None, "canary": None, "previous": None}
    store.staged.mkdir(parents=True)
    (store.staged / "current").symlink_to("v1")
    (store.staged / "canary").symlink_to("../boot")
    assert store.pointers() == {"current": "v1", "canary": "", "previous": None}
    for target in ("/srv/v1", "../../v1", "current", "v1/", "../boot/"):
        (store.staged / "previous").symlink_to(target)
        with pytest.raises(image_store.StoreError, match="which is no image version"):
            store.pointers()
        (store.staged / "previous").unlink()
    (store.staged / "previous").mkdir()
    with pytest.raises(image_store.StoreError, match="is no symlink; move it away"):
        store.pointers()

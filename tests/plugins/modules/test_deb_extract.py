"""Files out of packages: from a small archive of our own, by the real apt and dpkg."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

RunModule = Callable[..., dict[str, Any]]

needs_apt = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("apt-get", "apt-cache", "dpkg-deb")),
    reason="no apt here",
)

ONE_LINE = """\
# a comment
deb http://mirror.example/debian bookworm main contrib # more
deb [arch=amd64 signed-by=/etc/a.gpg,/b.gpg] https://a.example/debian/ bookworm main
deb http://security.debian.org bookworm-security main
deb-src http://mirror.example/debian bookworm main
deb https://download.docker.example/linux/debian bookworm stable
deb http://archive.raspberrypi.com/debian bookworm main
"""

DEB822 = """\
Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main non-free-firmware
Architectures: amd64
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Enabled: no
Types: deb
URIs: http://mirror.example/debian
Suites: sid
Components: main

Types: deb
URIs: mirror+file:///etc/apt/mirrors/debian.list
Suites: bookworm
Components: main
"""


def test_debian_sources_are_copied_with_their_trust(
    deb_sources: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert (
        deb_sources.debian_sources(tmp_path, "arm64", ["non-free-firmware"])
        == """\
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm
Components: main contrib non-free-firmware
Architectures: arm64

Types: deb
URIs: https://a.example/debian/
Suites: bookworm
Signed-By: /etc/a.gpg /b.gpg
Components: main non-free-firmware
Architectures: arm64

Types: deb
URIs: http://security.debian.org
Suites: bookworm-security
Components: main non-free-firmware
Architectures: arm64

Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
Components: main non-free-firmware
Architectures: arm64

Types: deb
URIs: mirror+file:///etc/apt/mirrors/debian.list
Suites: bookworm
Components: main non-free-firmware
Architectures: arm64
"""
    )


def test_a_machine_without_debian_has_none(deb_sources: ModuleType, tmp_path: Path) -> None:
    assert deb_sources.debian_sources(tmp_path, "arm64", []) == ""


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../b", ""])
def test_a_path_outside_the_tree_is_refused(deb_files: ModuleType, path: str) -> None:
    with pytest.raises(deb_files.ArchiveError, match="not below"):
        deb_files.below(Path("/tree"), path)


@pytest.mark.parametrize(
    ("member", "pattern", "matched"),
    [
        ("boot/vmlinuz-6.1.0-1-arm64", "boot/vmlinuz-*", True),
        ("boot/sub/vmlinuz-6", "boot/vmlinuz-*", False),
        ("usr/lib/linux-image-6/broadcom/a.dtb", "usr/lib/linux-image-*/broadcom/a.dtb", True),
        ("usr/lib/linux-image-6/x/broadcom/a.dtb", "usr/lib/linux-image-*/broadcom/a.dtb", False),
    ],
)
def test_patterns_match_part_by_part(
    deb_files: ModuleType, member: str, pattern: str, matched: bool
) -> None:
    assert deb_files.matches(member, pattern) is matched


def test_a_broken_tree_is_replaced_and_old_ones_go(
    release_tree: ModuleType, tmp_path: Path
) -> None:
    tree = release_tree.ReleaseTree(tmp_path / "boot")
    (tmp_path / "boot.d").mkdir()
    (tmp_path / "boot.d" / ".building-killed").mkdir()
    served = []
    for name in ("one", "two", "three", "three"):
        building = tree.start()
        (building / "file").write_text(name)
        tree.finish(building, name, {"options": name}, keep=2)
        served.append(((tmp_path / "boot" / "file").read_text(), tree.is_intact()))
    assert served == [("one", True), ("two", True), ("three", True), ("three", True)]
    names = sorted(path.name.partition("-")[0] for path in (tmp_path / "boot.d").iterdir())
    assert names == ["three", "three"]
    (tmp_path / "boot" / "file").write_text("changed by hand")
    assert not tree.is_intact()


def test_a_run_killed_while_it_switches_does_not_stop_the_next(
    release_tree: ModuleType, tmp_path: Path
) -> None:
    tree = release_tree.ReleaseTree(tmp_path / "boot")
    tree.start()
    left = tmp_path / "boot.d" / ".building-link"
    for target in ("boot.d/gone", tmp_path):
        left.symlink_to(target)
        assert tree.start().is_dir()
        assert not left.is_symlink()


def test_the_daemon_can_pass_whatever_the_umask(release_tree: ModuleType, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        release_tree.ReleaseTree(tmp_path / "boot").start()
    finally:
        os.umask(before)
    assert (tmp_path / "boot.d").stat().st_mode & 0o777 == 0o755


# ---- with apt


class Archive:
    """An archive of packages in a directory, trusted without a signature unless said."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def package(self, name: str, version: str, files: dict[str, bytes], depends: str = "") -> None:
        """Build a package of the architecture arm64 and list it."""
        tree = self.root.parent / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        control = (
            f"Package: {name}\nVersion: {version}\nArchitecture: arm64\nMaintainer: a <a@b.c>\n"
        )
        control += f"Depends: {depends}\n" if depends else ""
        (tree / "DEBIAN" / "control").write_text(control + "Description: a test\n")
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)
        self.root.mkdir(exist_ok=True)
        deb = self.root / f"{name}_{version}_arm64.deb"
        subprocess.run(
            ["dpkg-deb", "-b", str(tree), str(deb)], check=True, stdout=subprocess.DEVNULL
        )
        entry = (
            f"{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\n"
            f"SHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\nDescription: a test\n\n"
        )
        with (self.root / "Packages").open("a") as listing:
            listing.write(entry)

    def sources(self, *, trusted: bool = True) -> str:
        trust = "yes" if trusted else "no"
        return f"Types: deb\nURIs: file:{self.root}\nSuites: ./\nTrusted: {trust}\n"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "archive")
    made.package("firmware", "1", {"usr/lib/fw/boot.bin": b"boot", "usr/lib/fw/other": b"no"})
    made.package("kernel", "6.1", {}, depends="udev, kernel-6.1-arm64 (= 6.1)")
    made.package("kernel-6.1-arm64", "6.1", {"boot/vmlinuz-6.1": b"kernel" * 1000})
    made.package("udev", "1", {})
    return made


def wanted(archive: Archive, tmp_path: Path, **changes: Any) -> dict[str, Any]:
    options: dict[str, Any] = {
        "dest": str(tmp_path / "tftp" / "boot"),
        "state_dir": str(tmp_path / "state"),
        "sources": archive.sources(),
        "packages": [
            {"name": "firmware", "files": [{"source": "usr/lib/fw/boot.bin", "path": "boot.bin"}]},
            {
                "name": "kernel",
                "dependency": "kernel-[0-9]*",
                "files": [{"source": "boot/vmlinuz-*", "path": "kernel8.img", "gzip": True}],
            },
        ],
        "contents": [{"path": "config.txt", "content": "arm_64bit=1\n"}],
    }
    return {**options, **changes}


def state(tmp_path: Path) -> dict[str, bytes]:
    """Everything below the TFTP root, symlinks as their targets."""
    root = tmp_path / "tftp"
    return {
        str(path.relative_to(root)): str(path.readlink()).encode()
        if path.is_symlink()
        else path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@needs_apt
def test_a_tree_is_made_once_and_again_when_asked(
    run_module: RunModule, archive: Archive, tmp_path: Path
) -> None:
    options = wanted(archive, tmp_path)
    foreseen = run_module("deb_extract", options, check=True)
    assert (foreseen["changed"], foreseen["diff"]["after"], (tmp_path / "tftp").exists()) == (
        True,
        "package firmware\npackage kernel-[0-9]*\n"
        "file boot.bin\nfile config.txt\nfile kernel8.img\n"
        "config.txt: arm_64bit=1\n",
        False,
    )

    first = run_module("deb_extract", options)
    assert first.get("msg") is None
    boot = tmp_path / "tftp" / "boot"
    assert (first["changed"], first["packages"]) == (
        True,
        {"firmware": "1", "kernel-6.1-arm64": "6.1"},
    )
    assert (boot / "boot.bin").read_bytes() == b"boot"
    assert gzip.decompress((boot / "kernel8.img").read_bytes()) == b"kernel" * 1000
    assert (boot / "config.txt").read_text() == "arm_64bit=1\n"
    assert sorted(path.name for path in boot.iterdir()) == [
        "boot.bin", "config.txt", "kernel8.img", "manifest.json",
    ]  # fmt: skip

    shutil.move(archive.root, tmp_path / "offline")
    before = state(tmp_path)
    assert run_module("deb_extract", options)["changed"] is False
    assert state(tmp_path) == before

    # The archive is gone: a change is refused and the old tree stays.
    refused = run_module("deb_extract", {**options, "contents": []})
    assert "apt-get" in refused["msg"]
    assert state(tmp_path) == before

    shutil.move(tmp_path / "offline", archive.root)
    assert run_module("deb_extract", {**options, "state": "latest"})["changed"] is False
    archive.package("firmware", "2", {"usr/lib/fw/boot.bin": b"newer"})
    assert run_module("deb_extract", {**options, "state": "latest"})["packages"]["firmware"] == "2"
    assert (boot / "boot.bin").read_bytes() == b"newer"
    manifest = json.loads((boot / "manifest.json").read_text())
    assert manifest["files"]["boot.bin"] == hashlib.sha256(b"newer").hexdigest()


@needs_apt
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unsigned": True}, "does not have a Release file"),
        (
            {"source": "usr/lib/fw/absent"},
            "usr/lib/fw/absent of firmware_1_arm64.deb matches no file",
        ),
        ({"source": "usr/lib/fw/*"}, "usr/lib/fw/boot.bin and usr/lib/fw/other; it must match one"),
        ({"name": "absent"}, "absent"),
        ({"tampered": True}, "Hash Sum mismatch"),
    ],
    ids=["unsigned", "no file", "two files", "no package", "tampered"],
)
def test_what_cannot_be_made_is_refused_with_the_reason(
    run_module: RunModule, archive: Archive, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    package = {"name": changes.get("name", "firmware"), "files": [
        {"source": changes.get("source", "usr/lib/fw/boot.bin"), "path": "boot.bin"}
    ]}  # fmt: skip
    options = wanted(archive, tmp_path, packages=[package])
    if "tampered" in changes:
        deb = archive.root / "firmware_1_arm64.deb"
        deb.write_bytes(deb.read_bytes()[:-1] + b"!")
    if "unsigned" in changes:
        options["sources"] = archive.sources(trusted=False)
    answer = run_module("deb_extract", options)
    assert said in answer["msg"]
    assert not (tmp_path / "tftp" / "boot").exists()


@needs_apt
def test_a_directory_of_somebody_else_stays(
    run_module: RunModule, archive: Archive, tmp_path: Path
) -> None:
    (tmp_path / "tftp" / "boot").mkdir(parents=True)
    assert "no symlink" in run_module("deb_extract", wanted(archive, tmp_path))["msg"]

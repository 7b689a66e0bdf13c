"""Fixtures of builds of tiny images."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from image_build_support import KERNEL, PUBLIC_KEY, Said, Tiny

from plugins.module_utils.image_build import boot_files, build, emulator
from plugins.module_utils.image_build.order import Order, read_order
from plugins.module_utils.image_build.provider import Progress


@pytest.fixture
def provider() -> Tiny:
    return Tiny()


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """Options of the module, as it reads them."""
    return {
        "images": str(tmp_path / "export" / "images"),
        "provider": "tiny",
        "release": "1",
        "packages": ["b", "a"],
        "provider_options": {},
        "exclude": ["usr/share/doc/*"],
        "proxy": "",
        "cache": str(tmp_path / "cache"),
        "edition": "",
        "state": "present",
        "root": "tree",
        "squashfs_compression": "auto",
        "initramfs_compression": "xz",
        "files": [{"path": "etc/picluster/node.conf", "content": "A=1\n", "mode": "0644"}],
        "authorized_keys": [PUBLIC_KEY],
        "units_enabled": ["ssh.service", "absent.service"],
        "units_masked": ["apt-daily.timer"],
        "setuid": ["usr/bin/su"],
        "boot": {
            "firmware": [{"package": "fw", "source": "fw/start", "path": "start_cd.elf"}],
            "device_trees": ["bcm2837-rpi-3-b-plus.dtb"],
            "config": "arm_64bit=1\n",
            "cmdline": "console=tty1",
            "sources": "",
        },
        "space": 1 << 20,
        "trees_sha256": "trees",
        "recipe": "recipe",
    }


@pytest.fixture
def order(options: dict[str, Any]) -> Order:
    return read_order(options)


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    """Archive of files to put over the root."""
    path = tmp_path / "trees.tar"
    with tarfile.open(path, "w") as archive:
        for name, content, mode in (
            ("etc/resolv.conf", b"", 0o644),
            ("usr/libexec/picluster/ready", b"#!/bin/sh\n", 0o755),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def tiny_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """No emulator, no archive and no dracut: an initramfs and firmware of a few bytes."""

    def firmware(order: Order, into: Path, _: Progress) -> dict[str, str]:
        (into / "boot").mkdir()
        (into / "busybox").write_bytes(b"busybox")
        for file in order.boot.firmware:
            (into / "boot" / file["path"]).write_bytes(b"firmware")
        return {"fw": "1"}

    def run_in(root: Path, words: list[str], **_: Any) -> str:
        assert words[:2] == ["/usr/libexec/picluster/make-initramfs", KERNEL]
        (root / words[2].lstrip("/")).write_bytes(b"initramfs")
        return ""

    monkeypatch.setattr(emulator, "ensure", lambda _: None)
    monkeypatch.setattr(build, "fetch_firmware", firmware)
    monkeypatch.setattr(boot_files, "run_in", run_in)


@pytest.fixture
def said() -> Said:
    return Said()

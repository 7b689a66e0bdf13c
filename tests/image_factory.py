"""Small image versions as a build leaves them, for tests that need no system inside."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import random
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def _image_tree() -> ModuleType:
    path = ROOT / "plugins" / "module_utils" / "image_tree.py"
    spec = importlib.util.spec_from_file_location("picluster_test_image_tree", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def boot_files(version: str) -> dict[str, bytes]:
    """Boot files that a boot ROM takes for real ones, different for every version."""
    noise = random.Random(version).randbytes
    path = f"/srv/picluster/export/images/{version}"
    return {
        "bootcode.bin": noise(3000),
        "start_cd.elf": b"\x7fELF" + noise(4000),
        "fixup_cd.dat": noise(200),
        "config.txt": b"arm_64bit=1\nupstream_kernel=1\ngpu_mem=16\nkernel=kernel8.img\n"
        b"initramfs initramfs8 followkernel\n",
        "cmdline.txt": f"root=picluster picluster.image={version} picluster.path={path}\n".encode(),
        "bcm2837-rpi-3-b-plus.dtb": b"\xd0\x0d\xfe\xed" + (2000).to_bytes(4, "big") + noise(1992),
        "kernel8.img": zlib.compress(noise(10), wbits=31).ljust(9000, b"\0"),
        "initramfs8": zlib.compress(noise(10), wbits=31).ljust(5000, b"\0"),
    }


def make_version(
    images: Path,
    name: str,
    *,
    day: int = 1,
    root: str = "tree",
    packages: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Write a version.

    Args:
        images: ``<export_root>/images``; made if need be.
        name: name of the version.
        day: of November 2026, when it was built.
        root: ``tree`` or ``squashfs``.
        packages: version by name; two packages by default.

    Returns:
        Its manifest.
    """
    place = images / name
    tree = images / f".building-{name}" / "root"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "os-release").write_text(f"VERSION={name}\n")
    (tree / "etc" / "localtime").symlink_to("../usr/share/zoneinfo/UTC")
    (place / "boot").mkdir(parents=True)
    files = boot_files(name)
    for path, content in files.items():
        (place / "boot" / path).write_bytes(content)
    sha256 = _image_tree().write_sums(tree, place / "SHA256SUMS.gz")
    if root == "tree":
        tree.rename(place / "root")
    else:
        (place / "root.squashfs").write_bytes(f"hsqs {name}".encode())
        sha256 = hashlib.sha256((place / "root.squashfs").read_bytes()).hexdigest()
        for path in (tree / "etc" / "localtime", tree / "etc" / "os-release"):
            path.unlink()
        (tree / "etc").rmdir()
        tree.rmdir()
    tree.parent.rmdir()
    manifest = {
        "format": 1,
        "version": name,
        "provider": "debian",
        "release": "bookworm",
        "architecture": "arm64",
        "built": f"2026-11-{day:02}T12:00:00Z",
        "inputs": hashlib.sha256(name.encode()).hexdigest(),
        "kernel": "6.1.0-40-arm64",
        "root": root,
        "packages": packages or {"bash": "5.2.15-2", "systemd": "252.39-1"},
        "boot": {
            path: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for path, content in files.items()
        },
        "sizes": {
            "root_bytes": 100_000_000 + day,
            "root_files": 2,
            "boot_bytes": sum(len(content) for content in files.values()),
            "initramfs_bytes": len(files["initramfs8"]),
        },
        "root_sha256": sha256,
        "source": {},
    }
    (place / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest

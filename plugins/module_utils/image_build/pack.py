# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a finished root into what is served, with its list of checksums."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from ..image_tree import digest, write_sums
from .order import Order
from .programs import run
from .provider import Progress

SUMS, ROOT, SQUASHFS = "SHA256SUMS.gz", "root", "root.squashfs"
_LEVEL = {"zstd": ["-Xcompression-level", "19"], "xz": []}


def kernel_config(root: Path, version: str) -> str:
    """Give the configuration a kernel was built with; empty when the root does not hold it."""
    for path in (root / f"boot/config-{version}", root / f"usr/lib/modules/{version}/config"):
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    return ""


def compression(order: Order, config: str) -> str:
    """Give the compression of a squashfs root: the better one that the kernel can unpack."""
    if order.squashfs != "auto":
        return order.squashfs
    return "zstd" if re.search(r"^CONFIG_SQUASHFS_ZSTD=y$", config, re.MULTILINE) else "xz"


def measure(root: Path) -> dict[str, int]:
    """Give the bytes in a root's files and the number of its entries."""
    size, count = 0, 0
    for place, folders, files in os.walk(root):
        count += len(folders) + len(files)
        for name in files:
            size += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - many of them
    return {"root_bytes": size, "root_files": count}


def pack(
    order: Order, building: Path, method: str, epoch: int, progress: Progress
) -> tuple[str, dict[str, int]]:
    """List a root's checksums, and make a squashfs of it when that is asked for.

    Args:
        order: what is asked for.
        building: directory of the version; the root is in ``root/`` of it.
        method: compression of a squashfs.
        epoch: time for the squashfs itself, seconds since 1970.
        progress: told of each step.

    Returns:
        ``root_sha256`` of the manifest, and sizes.
    """
    root = building / ROOT
    sizes = measure(root)
    progress.stage("list checksums")
    listed = write_sums(root, building / SUMS)
    if order.root == "tree":
        return listed, sizes
    progress.stage("pack the root")
    image = building / SQUASHFS
    words = ["mksquashfs", str(root), str(image), "-comp", method, *_LEVEL[method]]
    words += ["-b", "128K", "-noappend", "-no-progress", "-mkfs-time", str(epoch)]
    run(words, what="pack the root")
    image.chmod(0o644)
    shutil.rmtree(root)
    return digest(image), {**sizes, "squashfs_bytes": image.stat().st_size}

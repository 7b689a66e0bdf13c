# SPDX-License-Identifier: GPL-3.0-or-later
"""The files a boot ROM asks for, of one image."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from pathlib import Path
from typing import Any

from .kernel_image import plain_image
from .mounts import run_in
from .order import Order
from .provider import BuildError, Kernel, Progress

KERNEL, INITRAMFS = "kernel8.img", "initramfs8"
_OUTPUT = "boot/initramfs8"


def make_boot_files(
    order: Order, version: str, root: Path, kernel: Kernel, boot: Path, progress: Progress
) -> None:
    """Put kernel, initramfs, device trees and texts beside the firmware.

    Args:
        order: what is asked for.
        version: name of the version.
        root: the finished root, whose dracut makes the initramfs.
        kernel: its kernel.
        boot: the directory; the firmware is there.
        progress: told of each file.

    Raises:
        BuildError: the kernel has no such device tree, or the initramfs cannot be made.
    """
    progress.stage("make the initramfs")
    run_in(
        root,
        ["/usr/libexec/picluster/make-initramfs", kernel.version, f"/{_OUTPUT}"],
        what="make the initramfs",
        environment={"COMPRESS": order.initramfs},
    )
    shutil.move(root / _OUTPUT, boot / INITRAMFS)
    progress.stage("compress the kernel")
    image = plain_image(kernel.image.read_bytes(), kernel.image.name)
    # The firmware unpacks it; a third of the size crosses the network.
    (boot / KERNEL).write_bytes(gzip.compress(image, 9, mtime=0))
    for name in order.boot.device_trees:
        shutil.copyfile(_device_tree(kernel, name), boot / name)
    where = f"root=picluster picluster.image={version} picluster.path={order.images / version}"
    (boot / "cmdline.txt").write_text(f"{order.boot.cmdline} {where}\n", encoding="ascii")
    (boot / "config.txt").write_text(order.boot.config, encoding="ascii")
    for path in boot.iterdir():
        path.chmod(0o644)


def _device_tree(kernel: Kernel, name: str) -> Path:
    found = sorted(kernel.device_trees.rglob(name))
    if not found:
        raise BuildError(
            f"kernel {kernel.version} has no device tree {name}, so it does not know that board; "
            "take the board out of node_image_boards, or another kernel"
        )
    return found[0]


def describe(boot: Path) -> dict[str, dict[str, Any]]:
    """Give size in bytes and SHA-256 of each boot file."""
    return {
        path.name: {
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(boot.iterdir())
    }

"""Bytes from power-on to ``ready``: squashfs, plain tree, stock initramfs, image in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.figure import Figure, at_most
from tests.bench.images import bench_head
from tests.bench.measure import say
from tests.bench.stock import boot_in_memory, boot_stock

if TYPE_CHECKING:
    from collections.abc import Iterator


def figures() -> Iterator[Figure]:
    """One boot each, on one head, counted alike: files by TFTP, frames that came afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="picluster-bench-") as folder,
        bench_head(Path(folder)) as b,
    ):
        manifest, _ = b.image()
        ours = b.boot()
        initramfs = manifest["boot"]["initramfs8"]["size"] / 1e6
        yield Figure("boot_bytes.tftp", ours.tftp_bytes / 1e6, "MB", at_most(15))
        yield Figure("boot_bytes.initramfs", initramfs, "MB", at_most(5))
        yield Figure("boot_bytes.squashfs", ours.megabytes, "MB", at_most(40))
        for boards in (42, 1050):
            for gbit in (1, 10):
                name = f"boot_bytes.seconds_{boards}_at_{gbit}_gbit"
                yield Figure(name, ours.seconds(boards, gbit), "s")
        say("boot_bytes: the same root as a plain tree")
        manifest, _ = b.image(node_image_root="tree")
        yield Figure("boot_bytes.tree", b.boot().megabytes, "MB", at_most(40))
        say("boot_bytes: Debian's own initramfs, the plain tree")
        stock = boot_stock(b)
        yield Figure("boot_bytes.stock_initramfs", stock, "MB")
        say("boot_bytes: the whole image in memory")
        memory = boot_in_memory(b, manifest["version"])
        yield Figure("boot_bytes.in_memory", memory, "MB")
        yield Figure("boot_bytes.stock_ratio", ours.megabytes / stock, "x", at_most(1))
        yield Figure("boot_bytes.in_memory_ratio", ours.megabytes / memory, "x", at_most(1))

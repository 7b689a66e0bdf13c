"""Memory in use at ``ready``, and when the overlay is mounted."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.figure import Figure, at_most
from tests.bench.images import bench_head
from tests.bench.measure import RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator


def figures() -> Iterator[Figure]:
    """Squashfs, the default, and the plain tree, each booted three times."""
    with (
        tempfile.TemporaryDirectory(prefix="picluster-bench-") as name,
        bench_head(Path(name)) as b,
    ):
        for root in ("squashfs", "tree"):
            limited = root == "squashfs"
            b.image(node_image_root=root)
            boots = [b.boot() for _ in range(RUNS)]
            used = median(boot.used_kib for boot in boots) / 1024
            overlay = median(-1.0 if boot.overlay_s is None else boot.overlay_s for boot in boots)
            yield Figure(f"boot_memory.{root}", used, "MiB", at_most(90) if limited else None)
            yield Figure(
                f"boot_memory.overlay_{root}", overlay, "s", at_most(6) if limited else None
            )

"""A first build of the Debian image, and a second with nothing changed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.figure import Figure, at_most, exactly
from tests.bench.images import bench_head

if TYPE_CHECKING:
    from collections.abc import Iterator


def figures() -> Iterator[Figure]:
    """Both on one head, one after the other, the second by the same command."""
    with (
        tempfile.TemporaryDirectory(prefix="picluster-bench-") as name,
        bench_head(Path(name)) as b,
    ):
        manifest, first = b.image(promote=False)
        again, second = b.image(promote=False)
        sizes = manifest["sizes"]
        yield Figure("image_build.first", first.seconds, "s")
        yield Figure("image_build.second", second.seconds, "s")
        yield Figure("image_build.ratio", second.seconds / first.seconds, "x", at_most(0.25))
        yield Figure("image_build.second_changed", len(second.changed()), "changed", exactly(0))
        same = int(again["version"] == manifest["version"])
        yield Figure("image_build.same_version", same, "versions", exactly(1))
        yield Figure("image_build.root", sizes["root_bytes"] / 1e6, "MB")
        yield Figure("image_build.files", sizes["root_files"], "files")

"""An image version whose root is the boards' own tree, so that what they read over NFS is real.

Firmware, kernel and device tree are the bare boot files that ``site.yml`` put on the head: a board
loads them to their last byte. What runs behind them is of the machine's architecture, and there is
no initramfs in it: its functions run in the board's namespaces.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from typing import TYPE_CHECKING, Any

from picluster.errors import os_errors, refusal
from plugins.module_utils.image_tree import digest, write_sums
from twin.head import apt
from twin.net import command

if TYPE_CHECKING:
    from pathlib import Path

    from picluster.cluster.model import Cluster
    from twin.head import Head

PROVIDER = "twin"


def seed_version(head: Head, cluster: Cluster, tree: Path) -> str:
    """Put the version among those of a configured head, as if it had been built there.

    Nobody boots it before it is published and promoted (``playbooks/image.yml``).

    Returns:
        Its name.

    Raises:
        PiclusterError: ``site.yml`` has not run on the head, or there is no room.
    """
    bare = head.exports / "tftp" / "boot"
    if not (bare / "manifest.json").exists():
        raise refusal(f"the head {head.name} has no boot files", "run site.yml first")
    files = sorted(path for path in bare.iterdir() if path.name != "manifest.json")
    version = f"{PROVIDER}-{apt.CODENAME}-{_inputs(tree, files)[:10]}"
    images = head.exports / "export" / "images"
    place, part = images / version, images / f".building-{version}"
    with os_errors("make the version", place):
        if place.exists():
            return version
        shutil.rmtree(part, ignore_errors=True)
        (part / "boot").mkdir(parents=True)
        # The same files: 160 MB less to copy, and boards read what they run.
        command(["cp", "-al", str(tree), str(part / "root")], timeout_s=300)
        for path in files:
            shutil.copy(path, part / "boot" / path.name)
        (part / "boot" / "cmdline.txt").write_text(
            f"root=picluster picluster.image={version} "
            f"picluster.path={cluster.export_root}/images/{version} console=ttyS1,115200 panic=30\n"
        )
        (part / "manifest.json").write_text(json.dumps(_manifest(part, version, bare)))
        part.rename(place)
    return version


def _inputs(tree: Path, files: list[Path]) -> str:
    found = hashlib.sha256(tree.parent.name.encode())
    for path in files:
        found.update(f"{path.name} {digest(path)}\n".encode())
    return found.hexdigest()


def _manifest(part: Path, version: str, bare: Path) -> dict[str, Any]:
    boot = {
        path.name: {"size": path.stat().st_size, "sha256": digest(path)}
        for path in sorted((part / "boot").iterdir())
    }
    sums = write_sums(part / "root", part / "SHA256SUMS.gz")
    packages = json.loads((bare / "manifest.json").read_text())["packages"]
    return {
        "format": 1,
        "version": version,
        "provider": PROVIDER,
        "release": apt.CODENAME,
        "architecture": command(["dpkg", "--print-architecture"]).strip(),
        "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "inputs": hashlib.sha256(version.encode()).hexdigest(),
        "kernel": "the machine's own",
        "root": "tree",
        "packages": {str(name): str(known) for name, known in dict(packages).items()},
        "boot": boot,
        "sizes": {"boot_bytes": sum(entry["size"] for entry in boot.values())},
        "root_sha256": sums,
        "source": {},
    }

# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a version, from what is asked for to a directory in place."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import boot_files, customise, emulator, pack
from . import order as orders
from .checks import check_secrets, check_setuid
from .confined import confined
from .firmware import fetch_firmware
from .order import Order
from .progress import FileProgress
from .provider import BuildError, Progress, Provider
from .staging import Staging, remove

MANIFEST = "manifest.json"
_NEARLY_FULL = 16 << 20


@dataclass(frozen=True)
class Wanted:
    """A version that is asked for.

    Attributes:
        name: its name.
        inputs: digest of what decides on it.
    """

    name: str
    inputs: str


def look(order: Order, provider: Provider) -> Wanted:
    """Find what version is asked for; no archive is asked but for ``state: latest``."""
    told = orders.settings(order, order.cache, 0)
    provider.check(told)
    if order.latest:
        told.cache.mkdir(mode=0o755, parents=True, exist_ok=True)
    digest = orders.inputs(order, provider, told)
    return Wanted(orders.version(order, digest), digest)


def finished(order: Order, wanted: Wanted) -> dict[str, Any]:
    """Give the manifest of a version that is there, whole as far as a look tells; else nothing.

    Raises:
        BuildError: something else is there under its name.
    """
    place = order.images / wanted.name
    if not place.exists():
        return {}
    try:
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        whole = manifest["inputs"] == wanted.inputs and all(
            (place / "boot" / name).stat().st_size == file["size"]
            for name, file in manifest["boot"].items()
        )
    except (OSError, ValueError, LookupError, TypeError):
        whole = False
    if not whole:
        raise BuildError(
            f"{place} is no whole image of this build; remove it with picluster image prune, or "
            "move it away"
        )
    return dict(manifest)


def build(order: Order, provider: Provider, trees: Path, said: Path | None) -> dict[str, Any]:
    """Build a version unless it is there.

    Args:
        order: what is asked for.
        provider: its provider.
        trees: archive of the files put over the root.
        said: file for progress; ``None`` when nobody reads along.

    Returns:
        The manifest; ``built_now`` tells whether this call made the version.

    Raises:
        BuildError: it cannot be built; nothing of it is left.
    """
    wanted = look(order, provider)
    _check_builder(order, provider)
    with Staging(order.images, _once(said)) as staging:
        manifest = finished(order, wanted)
        staging.clear()
        if manifest:
            return {**manifest, "built_now": False}
        _check_space(order)
        building = staging.begin(wanted.name)
        try:
            manifest = confined(lambda: _make(order, provider, wanted, building, trees, said))
            staging.finish(building, wanted.name)
        except (BuildError, OSError) as error:
            full = _full(order)
            remove(building)
            raise BuildError(full or str(error)) from error
    return {**manifest, "built_now": True}


def _once(said: Path | None) -> Callable[[str], None]:
    """Give a function that says a sentence every five seconds while a build waits."""
    last = [0.0]

    def say(sentence: str) -> None:
        if said and time.monotonic() - last[0] > 5:
            last[0] = time.monotonic()
            with said.open("a", encoding="utf-8") as file:
                print(sentence, file=file)

    return say


def _make(
    order: Order,
    provider: Provider,
    wanted: Wanted,
    building: Path,
    trees: Path,
    said: Path | None,
) -> dict[str, Any]:
    """Do the work in confined mounts; gives the manifest."""
    os.umask(0o022)
    began = time.time()
    root, boot, work = building / pack.ROOT, building / "boot", building / "work"
    for folder in (root, boot, work):
        folder.mkdir(mode=0o755)
    told = orders.settings(order, _made(work / "provider"), int(began))
    told.cache.mkdir(mode=0o755, parents=True, exist_ok=True)
    with FileProgress(said) as progress:
        emulator.ensure(work)
        extra = fetch_firmware(order, work, progress)
        provider.install(root, told, progress)
        progress.stage("make a node of it")
        customise.customise(root, order, trees, work / "busybox")
        kernel = provider.kernel(root)
        for file in sorted((work / "boot").iterdir()):
            shutil.copyfile(file, boot / file.name)
        boot_files.make_boot_files(order, wanted.name, root, kernel, boot, progress)
        packages = dict(provider.packages(root))
        method = pack.compression(order, pack.kernel_config(root, kernel.version))
        _finish_root(order, provider, root, kernel.device_trees, progress)
        epoch = customise.settle_times(root, began)
        listed, sizes = pack.pack(order, building, method, epoch, progress)
        shutil.rmtree(work)
        manifest = {
            **_heading(order, wanted, began),
            "kernel": kernel.version,
            "packages": packages,
            "firmware": extra,
            "boot": boot_files.describe(boot),
            "sizes": sizes,
            "root_sha256": listed,
            "source": dict(provider.source(told)),
        }
        _add_boot_sizes(manifest)
        text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
        (building / MANIFEST).write_text(text, encoding="utf-8")
        progress.stage("write it to the disk")
    return manifest


def _finish_root(
    order: Order, provider: Provider, root: Path, device_trees: Path, progress: Progress
) -> None:
    """Remove what only the build needed, and refuse what must not be served."""
    progress.stage("tidy and check the root")
    provider.clean(root)
    shutil.rmtree(device_trees, ignore_errors=True)
    # What boots comes by TFTP from beside the root.
    for path in (root / "boot").iterdir():
        customise.remove_path(path)
    for image in (root / "usr/lib/modules").glob("*/vmlinuz"):
        image.unlink()
    customise.tidy(root, order.exclude)
    check_secrets(root)
    check_setuid(root, order.setuid)
    root.chmod(0o755)


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o755)
    return folder


def _heading(order: Order, wanted: Wanted, began: float) -> dict[str, Any]:
    built = datetime.fromtimestamp(int(began), tz=timezone.utc)  # noqa: UP017 - Python 3.9 runs it
    return {
        "format": orders.FORMAT,
        "version": wanted.name,
        "provider": order.provider,
        "release": order.release,
        "architecture": "aarch64",
        "built": built.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "inputs": wanted.inputs,
        "root": order.root,
    }


def _add_boot_sizes(manifest: dict[str, Any]) -> None:
    files: Mapping[str, Mapping[str, Any]] = manifest["boot"]
    manifest["sizes"] |= {
        "boot_bytes": sum(file["size"] for file in files.values()),
        "initramfs_bytes": files[boot_files.INITRAMFS]["size"],
    }


def _check_builder(order: Order, provider: Provider) -> None:
    """Refuse a builder that lacks a program, or a caller that is not root."""
    if os.geteuid() != 0:
        raise BuildError("an image is built by root; run the playbook with become")
    needed = {**provider.programs(), "systemctl": "systemd"}
    if order.root == "squashfs":
        needed["mksquashfs"] = "squashfs-tools"
    missing = sorted({package for program, package in needed.items() if not shutil.which(program)})
    if missing:
        names = " ".join(missing)
        raise BuildError(f"this builder lacks {', '.join(missing)}: apt-get install {names}")


def _check_space(order: Order) -> None:
    free = shutil.disk_usage(order.images).free
    if free < order.space:
        raise BuildError(
            f"{order.images} has {free >> 20} MiB free and a build needs {order.space >> 20}; make "
            "room there, such as with picluster image prune, or correct node_image_space_mib"
        )


def _full(order: Order) -> str:
    """Say which of the places is full, in place of whatever failed for want of room."""
    for place in (order.images, order.cache):
        if place.exists() and shutil.disk_usage(place).free < _NEARLY_FULL:
            return f"the disk that holds {place} is full; make room there and run it again"
    return ""

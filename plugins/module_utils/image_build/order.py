# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for, and the version that follows from it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .provider import BuildError, Provider, Settings

FORMAT = 1
VERSION = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", re.ASCII)
_HEX_DIGITS = 10
# What a public key in authorized_keys looks like; its options may hold quoted spaces.
_PUBLIC_KEY = re.compile(
    r"(?:[\w-]+(?:=\"(?:\\.|[^\"\\])*\")?(?:,|\s+))*"
    r"(?:ssh-(?:rsa|ed25519)|ecdsa-sha2-nistp\d+|sk-[\w@.-]+) AAAA[0-9A-Za-z+/=]+(?:\s.*)?",
    re.ASCII,
)


@dataclass(frozen=True)
class Boot:
    """Boot files.

    Attributes:
        firmware: of each file the ``package``, the ``source`` in it and the ``path`` below
            ``boot/``.
        device_trees: names of device trees of the kernel.
        config: text of ``config.txt``.
        cmdline: kernel command line, without the words that name the image.
        sources: sources of the firmware's packages, in the deb822 format; the machine's own
            when empty.
    """

    firmware: tuple[Mapping[str, str], ...]
    device_trees: tuple[str, ...]
    config: str
    cmdline: str
    sources: str


@dataclass(frozen=True)
class Order:
    """A wanted image.

    Attributes:
        images: directory of versions.
        provider: name of the provider.
        release: release of the distribution.
        packages: packages by name.
        provider_options: the provider's own options.
        exclude: patterns of paths that are not wanted.
        proxy: proxy for archives, or empty.
        cache: directory for downloads.
        edition: text that makes another version of the same wishes.
        latest: whether the archive is asked if it has anything newer.
        root: ``tree`` or ``squashfs``.
        squashfs: its compression: ``auto``, ``zstd`` or ``xz``.
        initramfs: its compression: ``xz``, ``zstd`` or ``gzip``.
        trees: digest of the trees of files put over the root.
        files: text files for the root: ``path``, ``content`` and ``mode``.
        authorized_keys: public keys that open root's account.
        units_enabled: units that are enabled where they exist.
        units_masked: units that are masked.
        setuid: patterns of files that may be setuid or setgid.
        boot: boot files.
        recipe: digest of the code that builds.
        space: bytes that must be free where images are built.
    """

    images: Path
    provider: str
    release: str
    packages: tuple[str, ...]
    provider_options: Mapping[str, Any]
    exclude: tuple[str, ...]
    proxy: str
    cache: Path
    edition: str
    latest: bool
    root: str
    squashfs: str
    initramfs: str
    trees: str
    files: tuple[Mapping[str, str], ...]
    authorized_keys: tuple[str, ...]
    units_enabled: tuple[str, ...]
    units_masked: tuple[str, ...]
    setuid: tuple[str, ...]
    boot: Boot
    recipe: str
    space: int


def read_order(options: Mapping[str, Any]) -> Order:
    """Read the options of the module.

    Raises:
        BuildError: a key in ``authorized_keys`` is none.
    """
    keys = tuple(line.strip() for line in options["authorized_keys"] if line.strip())
    for number, line in enumerate(keys, 1):
        if not _PUBLIC_KEY.fullmatch(line):
            what = "a private key" if "PRIVATE KEY" in line else "no public key of ssh"
            raise BuildError(
                f"node_image_authorized_keys: entry {number} is {what}; each must be a line of a "
                ".pub file, such as ssh-ed25519 AAAA... name"
            )
    boot = options["boot"]
    return Order(
        images=Path(options["images"]),
        provider=options["provider"],
        release=options["release"],
        packages=tuple(sorted(set(options["packages"]))),
        provider_options=options["provider_options"],
        exclude=tuple(options["exclude"]),
        proxy=options["proxy"],
        cache=Path(options["cache"]),
        edition=options["edition"],
        latest=options["state"] == "latest",
        root=options["root"],
        squashfs=options["squashfs_compression"],
        initramfs=options["initramfs_compression"],
        trees=options["trees_sha256"],
        files=tuple(options["files"]),
        authorized_keys=keys,
        units_enabled=tuple(options["units_enabled"]),
        units_masked=tuple(options["units_masked"]),
        setuid=tuple(options["setuid"]),
        boot=Boot(
            firmware=tuple(boot["firmware"]),
            device_trees=tuple(boot["device_trees"]),
            config=boot["config"],
            cmdline=boot["cmdline"],
            sources=boot["sources"],
        ),
        recipe=options["recipe"],
        space=options["space"],
    )


def settings(order: Order, work: Path, epoch: int) -> Settings:
    """Give what the provider is told.

    Args:
        order: what is asked for.
        work: empty directory for scratch files.
        epoch: time for files made by the build, seconds since 1970.
    """
    return Settings(
        provider=order.provider,
        release=order.release,
        packages=order.packages,
        options=order.provider_options,
        exclude=order.exclude,
        proxy=order.proxy,
        cache=order.cache / order.provider,
        work=work,
        epoch=epoch,
    )


def inputs(order: Order, provider: Provider, told: Settings) -> str:
    """Give the digest of everything that decides on the bytes of an image."""
    names = (
        *("provider", "release", "packages", "exclude", "edition", "root", "squashfs"),
        *("initramfs", "trees", "files", "authorized_keys", "units_enabled", "units_masked"),
        "recipe",
    )
    found = {
        **{name: getattr(order, name) for name in names},
        "format": FORMAT,
        # The node looks for its root in this place on the server.
        "images": str(order.images),
        "boot": vars(order.boot),
        "of_provider": dict(provider.inputs(told)),
        "newest": provider.newest(told) if order.latest else "",
    }
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def version(order: Order, digest: str) -> str:
    """Give the name of the version with these inputs."""
    name = f"{order.provider}-{order.release}-{digest[:_HEX_DIGITS]}"
    if not VERSION.fullmatch(name):
        raise BuildError(
            f"node_image_release: {order.release!r} makes no name of a version ({name})"
        )
    return name

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a provider of root file systems is: the one place that knows a distribution.

A provider fills an empty directory with an installed system and says what is in it. All that is
alike for every distribution, such as the guest's files, the initramfs and the boot files, comes
after it and knows none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class BuildError(Exception):
    """A reason an image cannot be built: one message that says what to do."""


@dataclass(frozen=True)
class Settings:
    """What a provider is told.

    Attributes:
        provider: name of the provider, such as ``debian``.
        release: release of the distribution as its archive names it, such as ``bookworm``, ``9``.
        packages: packages asked for by name, the kernel's among them; dependencies are the
            provider's to find.
        options: the provider's own options, as the role's variables give them; not checked yet.
        exclude: patterns of paths below the root, without a leading ``/``, that are not wanted in
            it; ``*`` matches ``/`` too. They are removed afterwards in any case: leaving them out
            at once only saves time.
        proxy: proxy for the archive as a URL; empty when there is none.
        cache: directory for downloads of this provider that stays between builds; it is there.
        work: empty directory for this build's own scratch files, outside the root.
        epoch: time for files made by the build, seconds since 1970 (``SOURCE_DATE_EPOCH``).
    """

    provider: str
    release: str
    packages: tuple[str, ...]
    options: Mapping[str, Any]
    exclude: tuple[str, ...]
    proxy: str
    cache: Path
    work: Path
    epoch: int


@dataclass(frozen=True)
class Kernel:
    """The kernel of a root.

    Attributes:
        version: its release as ``uname -r`` gives it, the name of its directory of modules.
        image: path of the kernel image in the root, compressed or not.
        device_trees: directory in the root that holds the ``*.dtb`` files, at any depth.
    """

    version: str
    image: Path
    device_trees: Path


class Progress(Protocol):
    """Where a build says how far it is; a person reads along."""

    def stage(self, name: str, total: int = 0) -> None:
        """Begin a stage.

        Args:
            name: two or three words, such as ``unpack packages``.
            total: number of things it will do; 0 when that is not known.
        """

    def step(self, done: int, what: str = "") -> None:
        """Say how many things of the stage are done, and optionally which is at work."""


class Provider(Protocol):
    """A distribution.

    Every method raises :class:`BuildError`, with the remedy, when it cannot do its work. None of
    them needs to clean up: a failed build is removed whole.
    """

    def programs(self) -> Mapping[str, str]:
        """Programs the builder must have, each with the Debian package that holds it."""

    def check(self, settings: Settings) -> None:
        """Refuse settings that cannot lead to an image; no network, nothing is written.

        An unknown release, a missing key file or an option of the wrong type are found here, each
        with the variable to correct.
        """

    def inputs(self, settings: Settings) -> Mapping[str, Any]:
        """Give what of the options decides on the content of the root, ready for JSON.

        Provider, release, packages and exclusions are added by the caller. The place of a mirror,
        the cache and the proxy are no inputs. What the builder's own configuration adds is one.
        """

    def newest(self, settings: Settings) -> str:
        """Ask the archive for the state it is in.

        Returns:
            A digest of the archive's metadata (a Release file, a repomd.xml), verified by the
            same keys as the packages are: equal as long as nothing was published.
        """

    def install(self, root: Path, settings: Settings, progress: Progress) -> None:
        """Fill an empty directory with an installed system.

        Args:
            root: the directory; owned by root, mode 0755.
            settings: what to install.
            progress: told of each stage and count.
        """

    def packages(self, root: Path) -> Mapping[str, str]:
        """Give the version of each installed package by name."""

    def kernel(self, root: Path) -> Kernel:
        """Give the kernel of an installed root; exactly one must be installed."""

    def source(self, settings: Settings) -> Mapping[str, Any]:
        """Say where the packages came from, for the manifest: archives, suites, keys."""

    def clean(self, root: Path) -> None:
        """Remove the package manager's caches, lists and logs from the root."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's variables say about Debian and its kin, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..deb_sources import debian_sources, parse_deb822
from .provider import BuildError, Settings

ETC_APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
ARCHITECTURE = "arm64"
_NAME = re.compile(r"[a-z][a-z0-9.-]*", re.ASCII)
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+", re.ASCII)
_KNOWN = {"sources", "more_sources", "kernel", "kernel_dependency"}


@dataclass(frozen=True)
class Options:
    """Checked options.

    Attributes:
        sources: where packages come from, in the deb822 format of ``sources.list(5)``.
        kernel: package of the kernel.
        kernel_dependency: pattern of the dependency that holds the kernel when ``kernel`` is a
            metapackage; empty when it is none.
    """

    sources: str
    kernel: str
    kernel_dependency: str


def read_options(settings: Settings, etc: Path = ETC_APT, about: Path = OS_RELEASE) -> Options:
    """Check the options of a build.

    Raises:
        BuildError: one is wrong, and which variable to correct.
    """
    name = settings.provider
    unknown = sorted(set(settings.options) - _KNOWN)
    if unknown:
        raise BuildError(f"the provider {name} has no option {unknown[0]!r}")
    if not _NAME.fullmatch(settings.release):
        raise BuildError(
            f"node_image_release: {settings.release!r} is no code name of a release, such as "
            "bookworm"
        )
    for package in settings.packages:
        if not _PACKAGE.fullmatch(package):
            raise BuildError(f"node_image_packages: {package!r} is no name of a Debian package")
    given, more = _text(settings.options, "sources"), _text(settings.options, "more_sources")
    if name == "raspios" and not given and not more:
        raise BuildError(
            "node_image_raspios_mirror: name the archive of Raspberry Pi OS or a mirror of it, and "
            "its key in node_image_raspios_keyring"
        )
    sources = given or _machine_sources(settings.release, etc, about)
    if not parse_deb822(sources):
        raise BuildError(f"node_image_{name}_sources holds no source in the deb822 format")
    sources += f"\n{more}" if more else ""
    kernel = _text(settings.options, "kernel")
    if not _PACKAGE.fullmatch(kernel):
        raise BuildError(f"node_image_{name}_kernel: {kernel!r} is no name of a Debian package")
    return Options(sources, kernel, _text(settings.options, "kernel_dependency"))


def _text(options: Mapping[str, Any], key: str) -> str:
    value = options.get(key, "")
    if not isinstance(value, str):
        raise BuildError(f"option {key} of the provider is {value!r}, not a text")
    return value


def _machine_sources(release: str, etc: Path, about: Path) -> str:
    """Give the machine's own Debian sources, for another release where that is asked for."""
    sources = debian_sources(etc, ARCHITECTURE, [])
    if not sources:
        raise BuildError(
            "no apt source of this machine is Debian's; give them in node_image_debian_sources"
        )
    own = _codename(about)
    if own and own != release:
        # Suites are called after the release: bookworm, bookworm-updates, bookworm-security.
        sources = re.sub(
            r"^(Suites:.*)$",
            lambda line: re.sub(rf"\b{re.escape(own)}\b", release, line[1]),
            sources,
            flags=re.MULTILINE,
        )
    return sources


def _codename(about: Path) -> str:
    try:
        text = about.read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r'^VERSION_CODENAME="?([a-z]+)"?$', text, re.MULTILINE)
    return found[1] if found else ""


def suites(sources: str) -> list[str]:
    """Give suites and components of sources, which decide on the packages wherever they are."""
    return [
        f"{stanza.get('Suites', '')} {stanza.get('Components', '')}".strip()
        for stanza in parse_deb822(sources)
    ]

# SPDX-License-Identifier: GPL-3.0-or-later
"""The providers by name."""

from __future__ import annotations

from collections.abc import Callable

from .debian import Debian
from .oraclelinux import OracleLinux
from .provider import BuildError, Provider

PROVIDERS: dict[str, Callable[[], Provider]] = {
    "debian": Debian,
    "oraclelinux": OracleLinux,
    # Raspberry Pi OS is Debian with another archive, key and kernel.
    "raspios": Debian,
}


def provider_of(name: str) -> Provider:
    """Give the provider of a name.

    Raises:
        BuildError: there is none.
    """
    if name not in PROVIDERS:
        raise BuildError(f"node_image_provider: {name!r} is none of {', '.join(sorted(PROVIDERS))}")
    return PROVIDERS[name]()

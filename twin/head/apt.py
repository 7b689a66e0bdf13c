"""The machine's own apt configuration, so that the project names no mirror.

``apt-get indextargets`` says what apt made of the sources, one-line and deb822 alike, and where
each comes from by its signed Release file; third parties' sources are told apart by that.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.errors import refusal, shown
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Debian 12, the tested head.
CODENAME = "bookworm"
#: ``non-free-firmware`` holds the boot firmware of the boards (raspi-firmware).
COMPONENTS = ("main", "non-free-firmware")
_FORMAT = "$(ORIGIN)|$(RELEASE)|$(REPO_URI)"
_SUITES = {CODENAME, f"{CODENAME}-updates", f"{CODENAME}-security", f"{CODENAME}/updates"}
_OPTIONS = re.compile(
    r"Acquire::(?:https?::Proxy|https?::Timeout|Check-Valid-Until|Check-Date|ForceIPv[46]|Retries)"
    r'(?:::[\w.-]+)? "[^"\n]*";',
    re.ASCII,
)


def sources() -> list[str]:
    """One-line sources of Debian 12 from the machine's configuration.

    Returns:
        ``deb URI suite main non-free-firmware`` for each archive and suite, in apt's order.

    Raises:
        PiclusterError: apt is missing, or knows no Debian 12 archive.
    """
    words = ["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"]
    listing = command(words, timeout_s=120)
    found = select(listing)
    if not any(line.split()[2] == CODENAME for line in found):
        raise refusal(
            f"apt on this machine knows no archive of Debian {CODENAME}",
            "add one to /etc/apt/sources.list.d and run apt-get update",
        )
    return found


def select(listing: str) -> list[str]:
    """Pick the Debian 12 archives out of a listing of ``ORIGIN|RELEASE|URI`` lines."""
    found: dict[str, None] = {}
    for line in listing.splitlines():
        origin, _, rest = line.partition("|")
        suite, _, uri = rest.partition("|")
        if origin != "Debian" or suite not in _SUITES:
            continue
        uri = _resolved(uri)
        if uri.startswith(("http://", "https://")):
            found[f"deb {uri} {suite} {' '.join(COMPONENTS)}"] = None
    return list(found)


def _resolved(uri: str) -> str:
    """The first mirror of a ``mirror+file:`` list, as cloud images of Debian use them."""
    if not uri.startswith("mirror+file:"):
        return uri
    path = Path("/" + uri.removeprefix("mirror+file:").strip("/"))
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(f"cannot read apt's mirror list: {error}", file=path) from error
    first = next((line.split()[0] for line in lines if line.strip() and line[0] != "#"), "")
    if not first:
        raise refusal("apt's mirror list is empty", "name a mirror in it", file=path)
    return first


def options(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Apt options a second system on this machine needs too: proxies, retries, date checks.

    Returns:
        Lines of ``apt.conf``, in the order of ``apt-config dump``.
    """
    dump = command(["apt-config", "dump"])
    lines = [line for line in dump.splitlines() if _OPTIONS.fullmatch(line)]
    for scheme in ("http", "https"):
        proxy = environment.get(f"{scheme}_proxy", "")
        if not proxy or any(line.startswith(f"Acquire::{scheme}::Proxy ") for line in lines):
            continue
        if not re.fullmatch(r"[\x21\x23-\x7e]+", proxy):
            raise refusal(f"not a proxy address in {scheme}_proxy: {shown(proxy)}", "correct it")
        lines.append(f'Acquire::{scheme}::Proxy "{proxy}";')
    return lines


def files() -> dict[str, tuple[bytes, int]]:
    """The configuration a head gets: content and mode by path."""
    lines = [*options(), 'Acquire::Languages "none";']
    return {
        "/etc/apt/sources.list": (("\n".join(sources()) + "\n").encode(), 0o644),
        "/etc/apt/apt.conf.d/90build-machine": (("\n".join(lines) + "\n").encode(), 0o644),
    }

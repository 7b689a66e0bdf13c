# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of Debian packages that every image needs, whatever its distribution."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..deb_archive import ArchiveError, PrivateApt
from ..deb_files import extract
from ..deb_sources import debian_sources
from .apt_messages import explain
from .order import Order
from .provider import BuildError, Progress

ETC_APT = Path("/etc/apt")
# The boot firmware of the boards is in this one (package raspi-firmware).
COMPONENT = "non-free-firmware"
ARCHITECTURE = "arm64"
BUSYBOX = {"package": "busybox-static", "source": "bin/busybox", "path": "busybox"}


def fetch_firmware(order: Order, into: Path, progress: Progress) -> dict[str, str]:
    """Fetch the boot firmware, and a static busybox for the initramfs.

    Args:
        order: what is asked for.
        into: directory for the files: ``busybox``, and ``boot/`` with the firmware.
        progress: told of each package.

    Returns:
        The versions of the packages, by name.

    Raises:
        BuildError: a package or a file in it cannot be had.
    """
    wanted: dict[str, list[dict[str, object]]] = {}
    for file in [
        BUSYBOX,
        *({**item, "path": f"boot/{item['path']}"} for item in order.boot.firmware),
    ]:
        entry = {"source": file["source"], "path": file["path"], "gzip": False}
        wanted.setdefault(file["package"], []).append(entry)
    progress.stage("get firmware", len(wanted))
    versions: dict[str, str] = {}
    try:
        apt = _apt(order)
        apt.update()
        for number, (name, files) in enumerate(wanted.items(), 1):
            progress.step(number, name)
            _, versions[name] = apt.resolve(name, None)
            with tempfile.TemporaryDirectory(dir=into) as place:
                package = apt.download(name, versions[name], Path(place))
                extract(package, files, into)
    except ArchiveError as error:
        raise explain("get firmware", [str(error)], str(error)) from error
    return versions


def _apt(order: Order) -> PrivateApt:
    sources = order.boot.sources or debian_sources(ETC_APT, ARCHITECTURE, [COMPONENT])
    if not sources:
        raise BuildError(
            "no apt source of this machine is Debian's, for the boot firmware; give them in "
            "node_image_firmware_sources"
        )
    proxy = [f"Acquire::{scheme}::Proxy={order.proxy}" for scheme in ("http", "https")]
    return PrivateApt(order.cache / "firmware", sources, ARCHITECTURE, proxy if order.proxy else [])

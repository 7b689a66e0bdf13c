"""The root file system of the boards: Debian of the machine's own architecture, made once.

Every board mounts it as the lower layer of its overlay. The programs of the node image are in it as
the role ``node_image`` puts them there, and the functions of its initramfs.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.errors import os_errors
from twin.head import apt
from twin.head.bootstrap import bootstrap
from twin.head.image import locked
from twin.head.places import TREE, cache_dir
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What a node's image has, and what workloads need of it: a JVM takes the C++ library.
PACKAGES = (
    "boinc-client",
    "busybox",
    "iproute2",
    "libnfs-utils",
    "libstdc++6",
    "mount",
    "munge",
    "openmpi-bin",
    "openssh-server",
    "procps",
    "python3",
    "slurm-client",
    "slurmd",
)
#: Programs of the initramfs that busybox plays on a node, too.
APPLETS = ("logger", "syslogd", "udhcpc")
_IMAGE = TREE / "roles" / "node_image" / "files"
_GUEST = Path(__file__).with_name("guest")
_LIBRARY = "usr/lib/picluster"
_NODE_CONF = """\
MESSAGE_PORT=3334
HOSTKEY_PORT=3335
HEARTBEAT_S=60
HOST_KEYS=certified
UPPER_WARN_PERCENT=80
"""
_KEPT = 3


def ensure_tree() -> Path:
    """The root file system, unpacked; built unless it is there.

    Raises:
        PiclusterError: it cannot be built.
    """
    digest = hashlib.sha256(_packages_key().encode())
    for target, source in _files():
        digest.update(f"{target}\0".encode() + source.read_bytes() + b"\0")
    place = cache_dir() / f"boards-{digest.hexdigest()[:16]}"
    with locked(cache_dir() / "boards"):
        if not place.exists():
            _unpack(_archive(), place)
            _forget(path for path in cache_dir().glob("boards-*") if path.is_dir())
    return place / "root"


def place_of(tree: Path) -> Path:
    """The empty folder beside a tree on which each board mounts its own root."""
    return tree.parent / "place"


def start_program() -> Path:
    """The program that makes a board of new namespaces."""
    return _GUEST / "start"


def _packages_key() -> str:
    return repr((apt.CODENAME, PACKAGES, _options()))


def _options() -> list[str]:
    paths = ("man", "doc", "locale", "info")
    return [f"--dpkgopt=path-exclude=/usr/share/{path}/*" for path in paths]


def _archive() -> Path:
    key = hashlib.sha256(_packages_key().encode()).hexdigest()[:16]
    path = cache_dir() / f"board-packages-{key}.tar"
    if path.exists():
        return path
    # The keys of this build are no board's.
    options = [*_options(), '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*']
    bootstrap(path, "essential", PACKAGES, options, "the boards' packages")
    _forget(cache_dir().glob("board-packages-*.tar"))
    return path


def _files() -> Iterator[tuple[str, Path]]:
    """Files that are laid over the packages: path in the tree, and where it comes from."""
    guest = _IMAGE / "guest"
    for path in sorted(guest.rglob("*")):
        # Empty ones stand for what the initramfs writes.
        if path.is_file() and path.stat().st_size:
            yield str(path.relative_to(guest)), path
    dracut = _IMAGE / "dracut" / "90picluster"
    for path in (*sorted((dracut / "lib").iterdir()), dracut / "udhcpc-script"):
        yield f"{_LIBRARY}/{path.name}", path
    for name in ("init", "listen"):
        yield f"{_LIBRARY}-twin/{name}", _GUEST / name
    for path in sorted((_GUEST / "bin").iterdir()):
        yield f"usr/local/sbin/{path.name}", path


def _unpack(archive: Path, place: Path) -> None:
    part = place.with_name(f".{place.name}")
    shutil.rmtree(part, ignore_errors=True)
    root = part / "root"
    with os_errors("unpack the boards' root", part):
        root.mkdir(parents=True)
        (part / "place").mkdir()
        command(["tar", "--extract", "--numeric-owner", "-C", str(root), "-f", str(archive)],
                timeout_s=300)  # fmt: skip
        for target, source in _files():
            (root / target).parent.mkdir(parents=True, exist_ok=True)
            (root / target).unlink(missing_ok=True)
            shutil.copy(source, root / target)
        (root / "etc/picluster").mkdir()
        (root / "etc/picluster/node.conf").write_text(_NODE_CONF)
        for name in APPLETS:
            (root / "usr/local/sbin" / name).symlink_to("/bin/busybox")
        part.touch()
        part.rename(place)


def _forget(paths: Iterable[Path]) -> None:
    """Remove what earlier inputs made, but for the newest: boards may still run on them."""
    for old in sorted(paths, key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.unlink(missing_ok=True)

"""The head's image: a Debian 12 server as the installer leaves it, made once by mmdebstrap."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.errors import os_errors, refusal
from twin.head import apt
from twin.head.bootstrap import bootstrap
from twin.head.places import cache_dir
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "localhost/picluster-head"
#: Beyond priority ``important``, what an installed Debian 12 server has, and Ansible needs.
PACKAGES = ("ca-certificates", "dbus", "openssh-server", "python3", "systemd-sysv")
#: Units that would change the machine around the container, which shares its devices and kernel.
#: Starting or stopping systemd-binfmt drops what the machine has registered, such as qemu-user.
MASKED = (
    "console-getty.service",
    "getty@tty1.service",
    "kmod-static-nodes.service",
    "systemd-binfmt.service",
    "systemd-modules-load.service",
    "systemd-networkd-wait-online.service",
    "systemd-remount-fs.service",
    "systemd-sysctl.service",
    "systemd-timesyncd.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
)
#: Name of the unit below.
READ_ONLY_SYS = "read-only-sys.service"
#: Devices are the machine's: without udev, what asks for it must see a read-only /sys, or it waits.
_READ_ONLY_UNIT = """[Unit]
Description=Keep the devices of the machine out of reach
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=mount -o remount,bind,ro /sys
RemainAfterExit=yes
[Install]
WantedBy=sysinit.target
"""


def reference() -> str:
    """Name of the image with a tag that follows from everything it is built from."""
    inputs = repr((apt.CODENAME, PACKAGES, _hooks())).encode()
    return f"{REPOSITORY}:{hashlib.sha256(inputs).hexdigest()[:16]}"


def ensure() -> str:
    """Build and import the image unless podman has it; two callers at once build it once.

    Returns:
        The image's reference.
    """
    name = reference()
    with locked(_path()):
        if not _exists(name):
            _import(tar(), name)
            for other in _images() - {name}:  # of earlier inputs; one still in use stays
                subprocess.run(["podman", "rmi", other], check=False, capture_output=True)
    return name


def remove() -> None:
    """Remove every image of a head that no container uses; podman need not be there."""
    if shutil.which("podman") is not None:
        for name in _images():
            subprocess.run(["podman", "rmi", name], check=False, capture_output=True)


def _images() -> set[str]:
    form = "{{.Repository}}:{{.Tag}}"
    return set(command(["podman", "images", "--format", form, REPOSITORY]).split())


def _exists(name: str) -> bool:
    done = subprocess.run(["podman", "image", "exists", name], check=False, capture_output=True)
    return done.returncode == 0


def _hooks() -> list[str]:
    """Shell run on the new root directory ``$1``, the last steps of the build."""
    unit = READ_ONLY_SYS
    return [
        f'printf %s {shlex.quote(_READ_ONLY_UNIT)} > "$1/etc/systemd/system/{unit}"',
        f'chroot "$1" systemctl enable {unit}',
        'chroot "$1" systemctl mask ' + " ".join(MASKED),
        # Made on first start: no two heads may share them.
        'rm -f "$1"/etc/ssh/ssh_host_*',
        ': > "$1/etc/machine-id"',
        'rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
    ]


def tar() -> Path:
    """The image's root file system as an archive, built unless it is there."""
    path = _path()
    with locked(path.with_suffix(".part")):
        if not path.exists():
            _build(path)
            for old in path.parent.glob("head-*.tar"):
                if old != path:
                    old.unlink(missing_ok=True)
    return path


def _path() -> Path:
    return cache_dir() / f"head-{reference().rpartition(':')[2]}.tar"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time do what makes a file of the cache."""
    with os_errors("make the cache", path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = (path.parent / f"{path.name}.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(archive: Path) -> None:
    options = [f"--dpkgopt=path-exclude=/usr/share/{path}/*" for path in ("man", "doc")]
    options += [f"--customize-hook={hook}" for hook in _hooks()]
    bootstrap(archive, "important", PACKAGES, options, "the head's image")


def _import(archive: Path, name: str) -> None:
    command(
        ["podman", "import", "--quiet", str(archive), name],
        timeout_s=300,
    )
    if not _exists(name):
        raise refusal(f"podman imported {archive} and does not know {name}", "try again")

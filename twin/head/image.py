"""The head's image: a Debian 12 server as the installer leaves it, made once by mmdebstrap."""

from __future__ import annotations

import fcntl
import hashlib
import shlex
import shutil
import subprocess
from pathlib import Path

from picluster.errors import os_errors, refusal
from twin.head import apt
from twin.head.places import cache_dir
from twin.net import command

REPOSITORY = "localhost/picluster-head"
#: Beyond priority ``important``, what an installed Debian 12 server has, and Ansible needs.
PACKAGES = ("ca-certificates", "dbus", "openssh-server", "python3", "systemd-sysv")
#: Units that would change the machine around the container, which shares its devices and kernel.
MASKED = (
    "console-getty.service",
    "getty@tty1.service",
    "kmod-static-nodes.service",
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
#: Devices are the machine's: without udev, what asks for it must see a read-only /sys, or it waits.
_READ_ONLY_SYS = """[Unit]
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
_BUILD_TIMEOUT_S = 1200


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
    cache = cache_dir()
    with os_errors("make the cache", cache):
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / "head.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _exists(name):
            archive = cache / f"head-{name.rpartition(':')[2]}.tar"
            if not archive.exists():
                _build(archive)
            _import(archive, name)
            _forget_others(name, archive)
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
    unit = "read-only-sys.service"
    return [
        f'printf %s {shlex.quote(_READ_ONLY_SYS)} > "$1/etc/systemd/system/{unit}"',
        f'chroot "$1" systemctl enable {unit}',
        'chroot "$1" systemctl mask ' + " ".join(MASKED),
        # Made on first start: no two heads may share them.
        'rm -f "$1"/etc/ssh/ssh_host_*',
        ': > "$1/etc/machine-id"',
        'rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
    ]


def _build(archive: Path) -> None:
    part = archive.with_suffix(".part.tar")
    args = ["mmdebstrap", "--quiet", "--mode=root", "--variant=important", "--format=tar"]
    args += [f"--include={','.join(PACKAGES)}"]
    args += [f"--aptopt={line}" for line in apt.options()]
    args += ["--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*"]
    args += [f"--customize-hook={hook}" for hook in _hooks()]
    try:
        command([*args, apt.CODENAME, str(part), *apt.sources()], timeout_s=_BUILD_TIMEOUT_S)
        with os_errors("keep the head's image", archive):
            part.replace(archive)
    finally:
        part.unlink(missing_ok=True)


def _import(archive: Path, name: str) -> None:
    command(
        ["podman", "import", "--quiet", str(archive), name],
        timeout_s=300,
    )
    if not _exists(name):
        raise refusal(f"podman imported {archive} and does not know {name}", "try again")


def _forget_others(name: str, archive: Path) -> None:
    """Remove images of earlier inputs; one still in use stays."""
    for other in _images() - {name}:
        subprocess.run(["podman", "rmi", other], check=False, capture_output=True)
    for old in archive.parent.glob("head-*.tar"):
        if old != archive:
            old.unlink(missing_ok=True)

"""The container that holds a head: podman with runc, systemd as its first process."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import shutil
import subprocess
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.errors import PiclusterError, Problem, refusal
from twin.head import outside
from twin.head.places import build_dir
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twin.head.places import Places

#: What the head needs of the machine, and the Debian package that has it.
NEEDED = {
    "apt-get": "apt",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "podman": "podman",
    "runc": "runc",
    "slirp4netns": "slirp4netns",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
_BOOT_S = 90
_NOFILE = 20000
_NPROC = 30000


def check_machine() -> None:
    """Refuse a machine that cannot run a head, naming everything that is missing."""
    if os.geteuid() != 0:
        raise refusal("a head in a container needs root", "run this as root")
    missing = sorted({package for tool, package in NEEDED.items() if shutil.which(tool) is None})
    problems = []
    if missing:
        problems.append(
            Problem(
                f"missing on this machine: {', '.join(missing)}",
                f"apt-get install {' '.join(missing)}",
            )
        )
    if not Path("/dev/net/tun").exists():
        problems.append(Problem("/dev/net/tun is missing", "modprobe tun"))
    if problems:
        raise PiclusterError(problems)


def exists(name: str) -> bool:
    """Whether podman knows a container of that name, running or not."""
    done = subprocess.run(["podman", "container", "exists", name], check=False, capture_output=True)
    return done.returncode == 0


def create(places: Places, image: str, hostname: str) -> None:
    """Make the container; it does not run yet."""
    command(
        [
            *("podman", "--runtime", "runc", "create", "--pull=never", "--name", places.container),
            *("--hostname", hostname, "--label", f"picluster.twin={places.name}"),
            *("--label", f"picluster.build={build_dir()}"),
            *("--privileged", "--systemd=always"),
            *("--ulimit", _limit("nofile", resource.RLIMIT_NOFILE, _NOFILE)),
            *("--ulimit", _limit("nproc", resource.RLIMIT_NPROC, _NPROC)),
            *("--network", f"ns:/run/netns/{places.namespace}"),
            *("--dns", outside.NAMESERVER, "--no-hosts"),
            *("--volume", f"{places.exports}:/srv/picluster"),
            *("--volume", f"{places.packages}:/var/cache/apt/archives"),
            *(image, "/sbin/init"),
        ],
        timeout_s=120,
    )


def names() -> list[str]:
    """Names of all heads made from this build directory, running or not."""
    mine = ["--filter", f"label=picluster.build={build_dir()}"]
    form = '{{index .Labels "picluster.twin"}}'
    return command(["podman", "ps", "--all", *mine, "--format", form]).split()


def start(name: str) -> None:
    """Start the container; it is not booted yet when this returns."""
    command(["podman", "--runtime", "runc", "start", name], timeout_s=60)


def _limit(name: str, which: int, wanted: int) -> str:
    """A limit the caller may give: the container's cannot exceed it."""
    hard = resource.getrlimit(which)[1]
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    return f"{name}={limit}:{limit}"


def put(name: str, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Put files, owned by root, into the container, running or not.

    Args:
        name: the container's.
        files: content and mode by absolute path.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, (content, mode) in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    done = subprocess.run(
        ["podman", "cp", "-", f"{name}:/"],
        input=archive.getvalue(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise refusal(f"cannot put files into {name}: {done.stderr.decode().strip()[-300:]}")


def run(
    container: str, args: Sequence[str], *, timeout_s: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """Run a command inside to its end.

    Raises:
        PiclusterError: podman could not be started, or the command took too long.
    """
    try:
        return subprocess.run(
            ["podman", "exec", container, *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout_s,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise refusal(f"cannot run {args[0]} in {container}: {error}") from error


def wait_booted(container: str) -> list[str]:
    """Wait until systemd has started everything.

    Returns:
        Units that failed; empty when the system is ``running``.

    Raises:
        PiclusterError: it was neither ``running`` nor ``degraded`` within 90 s.
    """
    end = time.monotonic() + _BOOT_S
    state = "starting"
    while time.monotonic() < end:
        state = run(container, ["systemctl", "is-system-running"]).stdout.decode().strip()
        if state == "running":
            return []
        if state == "degraded":
            listing = run(container, ["systemctl", "list-units", "--failed", "--plain", "-q"])
            return [line.split()[0] for line in listing.stdout.decode().splitlines() if line]
        time.sleep(0.2)
    log = run(container, ["systemctl", "list-jobs", "--no-pager"]).stdout.decode()
    raise refusal(f"systemd in {container} is {state or 'silent'} after {_BOOT_S} s: {log[-400:]}")


def remove(container: str) -> None:
    """Remove the container with what runs in it; twice is fine."""
    if not exists(container):
        return
    with contextlib.suppress(PiclusterError):
        command(["podman", "rm", "--force", "--time", "0", "--volumes", container], timeout_s=60)
    if exists(container):
        command(["podman", "rm", "--force", "--time", "0", "--volumes", container], timeout_s=60)

"""Run a job: mpirun on this machine, as an ordinary user, over the boards."""

from __future__ import annotations

import ipaddress
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from picluster.errors import os_errors, refusal, shown
from picluster.interrupt import Interrupts
from picluster.mpi.boards import Found
from picluster.mpi.hosts import hostfile
from picluster.mpi.job import Login, agent_script, mpirun_words


def check_user(user: str) -> pwd.struct_passwd | None:
    """Who runs mpirun; ``None`` for who runs this.

    Args:
        user: name of an account; only root may name one.

    Raises:
        PiclusterError: it would be root, or there is no such account.
    """
    if os.geteuid() == 0 and not user:
        raise refusal("mpirun is not run as root", "name an ordinary user: --user")
    if not user:
        return None
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        raise refusal(f"there is no user {shown(user)}", "name one of this machine") from None
    if found.pw_uid == 0:
        raise refusal("mpirun is not run as root", "name an ordinary user: --user")
    if os.geteuid() not in (0, found.pw_uid):
        raise refusal(f"only root can run mpirun as {user}", "leave --user out")
    return found


def check_network(network: str, address: str) -> None:
    """Refuse a machine that is not on the boards' network: they have to reach mpirun.

    Args:
        network: the boot network.
        address: of a board.

    Raises:
        PiclusterError: what leads to the board is another network's address, or nothing.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))  # a datagram's route; nothing is sent
            own = probe.getsockname()[0]
        except OSError as error:
            own = error.strerror or str(error)
    if not _within(own, network):
        raise refusal(
            f"this machine has no address in {network}, which boards could answer ({own})",
            "run it on the head, or on a machine with an address there",
        )


def _within(own: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(own) in ipaddress.ip_network(network)
    except ValueError:
        return False


def run_job(
    network: str, found: Found, login: Login, words: Sequence[str], *, slots: int, user: str
) -> int:
    """Run it to its end, its output on this one's; gives mpirun's exit status.

    Args:
        network: the boot network.
        found: the boards.
        login: how to get into them.
        words: mpirun's own options, the program and its arguments.
        slots: ranks that a board takes.
        user: see :func:`check_user`.

    Raises:
        PiclusterError: mpirun is not there, or a file cannot be read.
    """
    account = check_user(user)
    if shutil.which("mpirun") is None:
        raise refusal("mpirun is not installed here", "apt-get install openmpi-bin")
    check_network(network, found.hosts[0].address)
    with tempfile.TemporaryDirectory(prefix="picluster-mpi-") as name:
        folder = Path(name)
        _place(folder, found, login, slots)
        files = {"hostfile": str(folder / "hosts"), "agent": str(folder / "agent")}
        command = mpirun_words(network, found.version, words=words, **files)
        process = _start(command, folder, account)
        with Interrupts(process.terminate):
            status = process.wait()
    return status if status >= 0 else 128 - status


def _start(
    command: Sequence[str], folder: Path, account: pwd.struct_passwd | None
) -> subprocess.Popen[bytes]:
    """Start mpirun where this runs, or as an account in the job's folder, which it gets."""
    # A job has no use for passwords of PDUs and switches.
    own = {name: text for name, text in os.environ.items() if not name.startswith("PICLUSTER_")}
    environment = {**own, "TMPDIR": str(folder)}
    if account is None:
        return subprocess.Popen(command, env=environment)
    with os_errors("give the job's folder away", folder):
        for path in (*folder.iterdir(), folder):  # it can change its folder only once it has it
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    environment |= {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}
    return subprocess.Popen(
        command, cwd=folder, env=environment, user=account.pw_uid, group=account.pw_gid,
        extra_groups=[],
    )  # fmt: skip


def _place(folder: Path, found: Found, login: Login, slots: int) -> None:
    """Write what mpirun reads; the folder's name has no blank, as mpirun needs it."""
    (folder / "hosts").write_text(hostfile(found.hosts, slots))
    known = folder / "known_hosts"
    with os_errors("read whose host keys are trusted", login.known_hosts, "run site.yml"):
        known.write_bytes(Path(login.known_hosts).read_bytes())
    agent = folder / "agent"
    agent.write_text(agent_script(replace(login, known_hosts=str(known)), found.version))
    agent.chmod(0o700)

"""What ``mpirun`` is told for a job over the boards: pure functions."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from picluster.rollout.assigned import check_version

#: Where a node keeps what it runs, and where it finds what its boot server exports.
_STORE, _SHARE = "/var/lib/picluster/work/mpi", "/run/picluster/workloads/artefacts/mpi"
#: Silence after which a daemon is probed, seconds; between two probes; probes.
_KEEPALIVE = (10, 2, 5)
#: Boards that are logged in to at a time.
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Login:
    """How mpirun gets into boards.

    Attributes:
        user: account on the boards.
        known_hosts: file that vouches for their host keys.
        key: private key; empty for what ssh finds itself.
    """

    user: str
    known_hosts: str
    key: str = ""


def agent_script(login: Login, version: str) -> str:
    """A program that mpirun starts for each board: ADDRESS, then the words of OpenMPI's daemon.

    The words go to the program ``launch`` of the workload on the board, which has the daemon
    started as the workload's user. The host key must be one that the file vouches for.
    """
    path = login.known_hosts.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    words = ["ssh", "-n", "-x", "-T", "-a", "-l", login.user]
    words += [f"-o{option}" for option in _OPTIONS]
    words += [f'-oUserKnownHostsFile="{path}"', "-oGlobalKnownHostsFile=/dev/null"]
    words += ["-i", login.key, "-oIdentitiesOnly=yes"] if login.key else []
    launch = f"{_STORE}/{check_version(version)}/launch"
    return f'#!/bin/sh\nboard=$1\nshift\nexec {shlex.join(words)} "$board" bash {launch} "$@"\n'


_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ConnectTimeout=15",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=2",
)


def mpirun_words(
    network: str, version: str, *, hostfile: str, agent: str, words: Sequence[str]
) -> list[str]:
    """The command.

    Args:
        network: the boot network, ``172.20.0.0/16``: nothing else is used.
        version: of the workload.
        hostfile: path of the hostfile.
        agent: path of the program of :func:`agent_script`.
        words: mpirun's own options, the program and its arguments.
    """
    share = f"{_SHARE}/{check_version(version)}/share"
    time_s, interval_s, probes = _KEEPALIVE
    settings = {
        "plm": "rsh",
        "plm_rsh_agent": agent,
        # Boards hold no key: all of them are logged in to from here.
        "plm_rsh_no_tree_spawn": "1",
        "plm_rsh_num_concurrent": str(_AT_ONCE),
        "oob_tcp_if_include": network,
        "btl": "self,vader,tcp",
        "btl_tcp_if_include": network,
        # A board without power says nothing: its silence has to be noticed.
        "oob_tcp_keepalive_time": str(time_s),
        "oob_tcp_keepalive_intvl": str(interval_s),
        "oob_tcp_keepalive_probes": str(probes),
    }
    options = [word for name, value in settings.items() for word in ("--mca", name, value)]
    places = ["--hostfile", hostfile, "--path", share, "--wdir", f"{_STORE}/data"]
    return ["mpirun", *options, *places, *words]

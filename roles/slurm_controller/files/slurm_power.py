#!/usr/bin/python3
"""Power saving of Slurm by whole banks, for one outlet feeds a bank.

slurmctld calls the links ``slurm-suspend`` and ``slurm-resume`` with a hostlist, a timer calls
``slurm-watch``; all of them as Slurm's own user. Outlets are switched by a service behind a socket,
which alone knows the PDUs' passwords.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import syslog
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from slurm_nodes import REASON, Node, free_banks, idle_banks, parse_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Path(os.environ.get("PICLUSTER_SLURM_POWER", "/etc/picluster/slurm-power.conf"))
_SWITCH_S = 900.0


class PowerError(Exception):
    """An outlet was not switched, or Slurm does not answer; the message says why."""


def scontrol(*words: str) -> str:
    """Ask or tell Slurm.

    Raises:
        PowerError: it refuses.
    """
    done = subprocess.run(
        ["scontrol", *words], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise PowerError(f"scontrol {' '.join(words[:3])}: {done.stderr.strip()}")
    return done.stdout


def nodes() -> list[Node]:
    """Every node."""
    return parse_nodes(scontrol("--oneliner", "show", "nodes"))


def mark(names: list[str], *words: str) -> None:
    """Change nodes in Slurm."""
    if names:
        scontrol("update", f"NodeName={','.join(names)}", *words)


def settings() -> dict[str, str]:
    """The lines NAME=VALUE of the configuration."""
    lines = CONFIG.read_text(encoding="ascii").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def switch(action: str, banks: list[int], path: str) -> None:
    """Have banks switched.

    Args:
        action: on or off.
        banks: their numbers.
        path: socket of the service that switches.

    Raises:
        PowerError: not all of them were.
    """
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_SWITCH_S)
        try:
            client.connect(path)
            client.sendall(" ".join([action, *(f"bank_{bank}" for bank in banks)]).encode() + b"\n")
            answer = b"".join(iter(lambda: client.recv(4096), b"")).decode("ascii", "replace")
        except OSError as error:
            raise PowerError(f"{path}: {error}") from error
    if answer.strip() != "ok":
        raise PowerError(answer.strip() or f"{path}: no answer")


def suspend(hosts: list[str], banks: set[int], path: str) -> None:
    """Cut the banks of some nodes, those of them that nobody uses."""
    wanted = {node.bank for node in nodes() if node.name in hosts} & banks
    free = free_banks(nodes(), wanted)
    for bank in sorted(wanted - set(free)):
        say(f"bank {bank} stays on: not all of its nodes are free")
    if free:
        switch("off", free, path)
        say(f"off: {', '.join(f'bank {bank}' for bank in free)}")


def resume(hosts: list[str], banks: set[int], path: str) -> None:
    """Give the banks of some nodes power; nodes that get none are down, their jobs queued again."""
    by_bank: dict[int, list[str]] = {}
    for node in nodes():
        if node.name in hosts:
            by_bank.setdefault(node.bank, []).append(node.name)
    lost: list[str] = []
    for bank, names in by_bank.items():
        try:
            if bank not in banks:
                raise PowerError(f"bank {bank} is not in slurm_controller_power_banks")
            switch("on", [bank], path)
            say(f"on: bank {bank}, for {len(names)} nodes")
        except PowerError as error:
            mark(names, "State=DOWN", f"Reason=no power: {error}")
            lost.append(str(error))
    if lost:
        raise PowerError("; ".join(lost))


def watch(banks: set[int], path: str, idle_s: float) -> None:
    """Switch banks off that have had nothing to do; closed to jobs first, so that none is lost."""
    # What a watch that was killed has left closed, perhaps without power: nobody else opens it.
    for bank in sorted({node.bank for node in nodes() if node.left}):
        finish(bank, [node.name for node in nodes() if node.bank == bank and node.left], path)
    for bank in idle_banks(nodes(), banks, time.time(), idle_s):
        closed = [node.name for node in nodes() if node.bank == bank and node.idle]
        mark(closed, "State=DRAIN", f"Reason={REASON}")
        finish(bank, closed, path)


def finish(bank: int, closed: list[str], path: str) -> None:
    """Switch a bank off whose nodes were closed for that, unless a job came; open them again."""
    try:
        if not free_banks(nodes(), {bank}):
            say(f"bank {bank} stays on: a job came")
            return
        switch("off", [bank], path)
        mark(closed, "State=POWER_DOWN")
        say(f"off: bank {bank}, {len(closed)} nodes")
    finally:
        # Open to jobs again: on nodes that are off, one that comes brings the power back.
        mark(closed, "State=RESUME")


@contextmanager
def alone(path: str) -> Iterator[None]:
    """One at a time: what is decided from the nodes' states holds until it is done."""
    with Path(path).open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    """To the journal: slurmctld shows nobody what its programs print."""
    syslog.openlog("picluster-slurm-power")
    syslog.syslog(syslog.LOG_INFO, text)


def main(name: str, words: list[str]) -> int:
    """Run as ``slurm-suspend HOSTLIST``, ``slurm-resume HOSTLIST`` or ``slurm-watch``."""
    try:
        known = settings()
        banks, path = {int(word) for word in known["BANKS"].split()}, known["SOCKET"]
        with alone(known["LOCK"]):
            if name == "slurm-watch":
                watch(banks, path, float(known["IDLE_S"]))
                return 0
            hosts = scontrol("show", "hostnames", words[0]).split()
            (suspend if name == "slurm-suspend" else resume)(hosts, banks, path)
    except (PowerError, OSError, subprocess.TimeoutExpired) as error:
        say(f"{name} {' '.join(words)}: {error}")
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[0]).name, sys.argv[1:]))

"""Hostfiles, what mpirun is told, and what it starts for each board."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from picluster.mpi.hosts import hostfile, hosts_of
from picluster.mpi.job import Login, agent_script, mpirun_words
from picluster.plan.read import read_plan
from tests.conftest import MakeDescription

REGISTRY = "bank,slot,mac\n2,1,b8:27:eb:00:02:01\n1,2,b8:27:eb:00:01:02\n1,1,b8:27:eb:00:01:01\n"


def test_a_hostfile_is_the_plan_s(description: MakeDescription) -> None:
    plan = read_plan(
        description(
            registry=REGISTRY,
            banks=[{"number": 1, "size": 2}, {"number": 2, "size": 2}],
            switches=None,
        )
    )
    hosts = hosts_of(plan, ["pi-2-1", "pi-1-2", "pi-9-9"])
    assert hostfile(hosts) == "172.20.1.2 slots=4 # pi-1-2\n172.20.2.1 slots=4 # pi-2-1\n"
    assert hostfile(hosts[1:], 1) == "172.20.2.1 slots=1 # pi-2-1\n"
    assert hostfile([]) == ""
    for slots in (0, -1, 257):
        with pytest.raises(PiclusterError, match=f"{slots} ranks on a board"):
            hostfile(hosts, slots)


def test_boards_are_entered_with_a_certified_host_key_and_no_other(tmp_path: Path) -> None:
    """The program as mpirun starts it; ssh is one that shows its words."""
    shown = tmp_path / "ssh"
    shown.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    shown.chmod(0o755)
    agent = tmp_path / "agent"
    place = '/home/a user/100%/known"hosts'
    agent.write_text(agent_script(Login("root", place, "/home/a user/key"), "1.2"))
    agent.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    words = [str(agent), "172.20.1.2", "orted", "-mca", "ess", '"env"', "tcp://172.20.0.1:1024"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert said[-7:] == [
        "bash", "/var/lib/picluster/work/mpi/1.2/launch", "orted", "-mca", "ess", '"env"',
        "tcp://172.20.0.1:1024",
    ]  # fmt: skip
    assert said[-8] == "172.20.1.2"
    assert '-oUserKnownHostsFile="/home/a user/100%%/known\\"hosts"' in said
    assert "-oStrictHostKeyChecking=yes" in said
    assert said[said.index("-i") + 1] == "/home/a user/key"
    assert said[said.index("-l") + 1] == "root"
    with pytest.raises(PiclusterError, match="is no version"):
        agent_script(Login("root", place), "1; reboot")


def test_mpirun_uses_the_boot_network_alone_and_no_key_on_a_board() -> None:
    words = mpirun_words(
        "172.20.0.0/16", "1", hostfile="/tmp/h", agent="/tmp/a", words=["-np", "2", "primes", "9"]
    )
    settings = {words[at + 1]: words[at + 2] for at, word in enumerate(words) if word == "--mca"}
    assert settings["oob_tcp_if_include"] == settings["btl_tcp_if_include"] == "172.20.0.0/16"
    assert settings["plm_rsh_no_tree_spawn"] == "1"
    assert settings["plm_rsh_agent"] == "/tmp/a"
    assert words[0] == "mpirun"
    assert words[-4:] == ["-np", "2", "primes", "9"]
    at = words.index("--path")
    assert words[at + 1] == "/run/picluster/workloads/artefacts/mpi/1/share"

"""Who runs mpirun, where, and what it is given; by the real mpirun where it comes to that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from picluster.cli import main
from picluster.errors import PiclusterError
from picluster.mpi.boards import Found
from picluster.mpi.hosts import Host
from picluster.mpi.job import Login
from picluster.mpi.run import check_network, check_user, run_job
from tests.conftest import MakeDescription

FOUND = Found("1", (Host("pi-1-1", "127.77.0.1"),), {})
REGISTRY = "bank,slot,mac\n1,1,b8:27:eb:00:01:01\n1,2,b8:27:eb:00:01:02\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_root_names_an_ordinary_user() -> None:
    found = check_user("nobody")
    assert found is not None
    assert found.pw_name == "nobody"
    for user, why in (
        ("", "mpirun is not run as root; name an ordinary user: --user"),
        ("root", "mpirun is not run as root"),
        ("no-such", "there is no user 'no-such'"),
    ):
        with pytest.raises(PiclusterError, match=why):
            check_user(user)


def test_others_run_it_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert check_user("") is None
    with pytest.raises(PiclusterError, match="only root can run mpirun as nobody"):
        check_user("nobody")


def test_a_machine_that_boards_cannot_answer_is_refused() -> None:
    check_network("127.0.0.0/8", "127.77.0.1")
    with pytest.raises(PiclusterError, match=r"no address in 172\.20\.0\.0/16, which boards could"):
        check_network("172.20.0.0/16", "127.77.0.1")


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no OpenMPI here")
def test_a_board_that_cannot_be_entered_ends_mpirun(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """mpirun starts the program for the board as its user, with a copy of the known hosts."""
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text("# nobody\n")
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(
        "#!/bin/sh\n"
        'for word; do case $word in -oUserKnownHostsFile=*) file=${word#*\\"} ;; esac; done\n'
        'echo "as $(id -un): $(cat "${file%\\"}")" >&2; exit 255\n'
    )
    ssh.chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents):  # the other user has to find it
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o001)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    user = "nobody" if os.geteuid() == 0 else ""
    login = Login("root", str(known_hosts))
    status = run_job("127.0.0.0/8", FOUND, login, ["-np", "1", "x"], slots=1, user=user)
    said = capfd.readouterr().err
    assert status != 0
    assert ("as nobody: # nobody" if user else ": # nobody") in said
    login = Login("root", str(tmp_path / "missing"))
    with pytest.raises(PiclusterError, match="cannot read whose host keys are trusted"):
        run_job("127.0.0.0/8", FOUND, login, ["x"], slots=1, user=user)


def test_the_hostfile_of_the_whole_plan_asks_nobody(
    description: MakeDescription, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(description(registry=REGISTRY))
    assert main(["mpi", "hosts", "-i", path, "--all", "--slots", "2"]) == 0
    lines = "172.20.1.1 slots=2 # pi-1-1\n172.20.1.2 slots=2 # pi-1-2\n"
    assert capsys.readouterr().out == lines
    assert main(["mpi", "hosts", "-i", path, "--all", "--limit", "pi-1-2"]) == 0
    assert capsys.readouterr().out == "172.20.1.2 slots=4 # pi-1-2\n"
    assert main(["mpi", "hosts", "-i", path, "--all", "--limit", "bank_9"]) == 1
    assert main(["mpi", "hosts", "-i", path, "--all", "--slots", "0"]) == 1
    assert "0 ranks on a board" in capsys.readouterr().err

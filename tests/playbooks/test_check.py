"""``site.yml --check --diff`` on the machine at hand ends well and changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WATCHED = ["/etc", "/srv", "/usr/local/lib", str(ROOT / "inventory")]


def stock() -> list[str]:
    """List everything below the watched directories with its change time."""
    command = ["find", *WATCHED, "-xdev", "-type", "f", "-printf", "%p %m %s %T@\n"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return sorted(done.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="a check of a head looks where only root may")
@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="boot files need Debian")
def test_a_check_goes_through_on_an_unfit_machine() -> None:
    before = stock()
    command = [Path(sys.executable).with_name("ansible-playbook"), "site.yml", "--check", "--diff"]
    done = subprocess.run(
        [*map(str, command), "-e", "head_network_interface=picluster-none"],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Every role is reached, and what it would write is shown.
    said = " ".join(done.stdout.split())
    assert "would refuse: interface picluster-none is not on this machine" in said
    shown = ["hardware ethernet", "ListenDatagram=172.20.0.10:3335", "known_hosts stays as it"]
    assert [text for text in shown if text not in said] == []
    assert stock() == before

"""The arguments that make ssh use the known hosts of a cluster."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from picluster.plan.inventory import ssh_arguments


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh here")
@pytest.mark.parametrize("name", ["mini", "my clusters/a \"b\" 'c'", "back\\slash"])
def test_ssh_reads_the_path_as_it_is(name: str) -> None:
    path = Path("/srv") / name / "known_hosts"
    words = ["ssh", "-F", "none", *shlex.split(ssh_arguments(path)), "-G", "172.20.1.1"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert f"userknownhostsfile {path}" in done.stdout.splitlines()
    assert "stricthostkeychecking true" in done.stdout.splitlines()


def test_a_percent_sign_is_no_token() -> None:
    assert "/100%%/known_hosts" in ssh_arguments(Path("/srv/100%/known_hosts"))

"""What is no workload is refused before anything is brought anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nonsense", "there is no role workload_nonsense in "),
        ("x;reboot", "workload=x;reboot: give the name of a role workload_<name>"),
        ("../example", "workload=../example: give the name of a role workload_<name>"),
        ("", "workload=: give the name of a role workload_<name>"),
    ],
)
def test_what_is_no_workload_is_refused(name: str, why: str) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "playbooks/deploy.yml",
         "-i", "inventory/mini", "-e", f"workload='{name}'"],
        cwd=ROOT, env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert why in " ".join(done.stdout.split())
    assert "changed=0" in done.stdout

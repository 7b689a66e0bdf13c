"""The kernel command line of an image, from the variables that a person sets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROLE = ROOT / "roles" / "node_image"
PLAIN = "console=ttyS1,115200 console=tty1 loglevel=5 net.ifnames=0 selinux=0 audit=0 panic=30"
MEMORY = "cgroup_enable=memory cgroup_memory=1"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, PLAIN),
        ({"node_image_cmdline_more": MEMORY}, f"{PLAIN} {MEMORY}"),
        ({"node_image_cmdline": "quiet", "node_image_cmdline_more": MEMORY}, f"quiet {MEMORY}"),
        ({"node_image_message_port": 4000}, f"{PLAIN} picluster.port=4000"),
    ],
)
def test_words_are_added(tmp_path: Path, given: dict[str, str | int], line: str) -> None:
    """What builds the image writes this line, and the words that name the image."""
    book = tmp_path / "book.yml"
    out = tmp_path / "out"
    write = {"content": "{{ __node_image_boot.cmdline }}", "dest": str(out), "mode": "0600"}
    files = [str(ROLE / "defaults/main.yml"), str(ROLE / "vars/main.yml")]
    play = {"hosts": "localhost", "gather_facts": False, "vars_files": files,
            "tasks": [{"ansible.builtin.copy": write}]}  # fmt: skip
    book.write_text(json.dumps([play]))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run(
        [program, "-i", "localhost,", "-c", "local", "-e", json.dumps(given), str(book)],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
             "ANSIBLE_INVENTORY_ENABLED": "host_list"},
        capture_output=True, text=True, check=False, cwd=ROLE, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert out.read_text() == line

"""Boot servers that hold different versions under one name are told before anything is changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILDER, SERVER, BARE = "builder", "server", "bare"


def find(folder: Path) -> tuple[int, str]:
    """Look for version v1 on three hosts that are this machine; status, and what it printed."""
    hosts = {
        name: {"ansible_connection": "local", "image_versions_export_root": str(folder / name)}
        for name in (BUILDER, SERVER, BARE)
    }
    groups = {
        "builder": {"hosts": {BUILDER: {}}},
        "boot_servers": {"hosts": {SERVER: {}, BARE: {}}},
    }
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts, "children": groups}}))
    role = {"name": "image_versions", "tasks_from": "find"}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "vars": {
            "ansible_python_interpreter": sys.executable,
            "image_versions_version": "v1",
            "image_versions_tftp_root": "/nowhere",
        },
        "tasks": [{"ansible.builtin.import_role": role}],
    }
    (folder / "book.yml").write_text(json.dumps([play]))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(folder / "hosts.yml"),
         str(folder / "book.yml")],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("same", [True, False])
def test_one_name_is_one_version(tmp_path: Path, *, same: bool) -> None:
    for name in (BUILDER, SERVER):
        place = tmp_path / name / "images" / "v1"
        place.mkdir(parents=True)
        (place / "manifest.json").write_text("{}" if same else name)
    status, said = find(tmp_path)
    refused = "image version v1 is not the same on server, builder; remove" in said
    assert (status == 0, refused) == (same, not same), said

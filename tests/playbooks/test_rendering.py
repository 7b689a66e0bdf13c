"""Every template of the roles renders on both families of operating systems, byte for byte.

Run with ``PICLUSTER_WRITE_FIXTURES=1`` to write what is expected, and review the diff.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXPECTED = ROOT / "tests" / "fixtures" / "roles"
FROM_INVENTORY = {
    "picluster_boot_address": "172.20.0.10",
    "picluster_boot_interface": "eth1",
    "picluster_boot_nodes": 1050,
    "picluster_description": "/etc/picluster/cluster.picluster.yml",
    "picluster_domain_name": "policebox.internal",
    "picluster_export_root": "/srv/picluster/export",
    "picluster_network": "172.20.0.0/16",
    "picluster_node_count": 1050,
    "picluster_prefix_length": 16,
    "picluster_server_name": "head",
    "picluster_tftp_root": "/srv/picluster/tftp",
    "picluster_zones": "1=domain_1 2=domain_2",
}
# What the groups of an inventory give.
FROM_GROUPS = {
    "kubernetes_server_address": "172.20.0.11",
    "kubernetes_server_addresses": ["172.20.0.10", "172.20.0.11", "172.20.0.12"],
}
# What only the other family has a place for.
ONLY = {
    "Debian": (
        "etc/systemd/network",
        "etc/default/isc-dhcp-server",
        "etc/systemd/system/isc-dhcp-server.service",
        "etc/systemd/system/tftpd-hpa.service",
    ),
    "RedHat": (
        "etc/NetworkManager",
        "etc/systemd/system/dhcpd.service.d",
        "etc/systemd/system/tftp.service",
    ),
}


def templates(role: Path, family: str) -> list[Path]:
    """Give the templates of a role that a family gets, relative to its templates."""
    (other,) = set(ONLY) - {family}
    found = sorted(path.relative_to(role / "templates") for path in role.rglob("*.j2"))
    return [path for path in found if not str(path).startswith(ONLY[other])]


def play(role: Path, family: str, into: Path) -> dict[str, Any]:
    """Make a play that renders a role's templates into a directory."""
    variables = [role / "defaults/main.yml", role / "vars/main.yml", role / f"vars/{family}.yml"]
    tasks = []
    for path in templates(role, family):
        target = into / role.name / path.with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        source = str(role / "templates" / path)
        tasks.append({"ansible.builtin.template": {"src": source, "dest": str(target)}})
    return {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": FROM_INVENTORY,
        "vars_files": [str(path) for path in variables if path.is_file()],
        "tasks": tasks,
    }


def rendered(family: str, place: Path) -> dict[str, str]:
    """Render every template for a family; gives the texts by role and path."""
    roles = sorted({path.parent for path in (ROOT / "roles").glob("*/templates")})
    into = place / "out"
    playbook = place / "play.yml"
    playbook.write_text(yaml.safe_dump([play(role, family, into) for role in roles]))
    command = [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", playbook]
    done = subprocess.run(
        [
            *map(str, command),
            "-c",
            "local",
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            "-e",
            json.dumps(FROM_GROUPS),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return texts(into)


def texts(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}


@pytest.mark.parametrize("family", ["Debian", "RedHat"])
def test_templates_render_as_reviewed(family: str, tmp_path: Path) -> None:
    found = rendered(family, tmp_path)
    if os.environ.get("PICLUSTER_WRITE_FIXTURES") == "1":
        for name, text in found.items():
            path = EXPECTED / family / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    assert found == texts(EXPECTED / family)
    assert [
        name for name, text in found.items() if not text.startswith("#\n# Ansible managed\n")
    ] == []


@pytest.mark.parametrize(
    "role", sorted(path.parts[-3] for path in (ROOT / "roles").glob("*/vars/Debian.yml"))
)
def test_both_families_name_the_same_things(role: str) -> None:
    names = {
        family: yaml.safe_load((ROOT / "roles" / role / f"vars/{family}.yml").read_text())
        for family in ("Debian", "RedHat")
    }
    assert sorted(names["Debian"]) == sorted(names["RedHat"])

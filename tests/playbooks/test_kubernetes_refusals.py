"""What cannot become Kubernetes on nodes is refused before anything is brought."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def deliver(folder: Path, **given: Any) -> tuple[int, str]:
    """Run the role on this machine; status, and what it printed."""
    program, images = folder / "k3s", folder / "nodes.tar"
    shutil.copy(Path(sys.executable).resolve(), program)
    images.write_bytes(bytes(2 << 20))
    variables = {
        "picluster_cluster": "small",
        "picluster_zones": "1=domain_1",
        "picluster_export_root": str(folder / "export"),
        "workload_kubernetes_architecture": "amd64",
        "workload_kubernetes_k3s": str(program),
        "workload_kubernetes_k3s_sha256": sum_of(program),
        "workload_kubernetes_images": [{"path": str(images), "sha256": sum_of(images)}],
        **given,
    }
    book = folder / "book.yml"
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables,
            "roles": ["workload_kubernetes"]}  # fmt: skip
    book.write_text(json.dumps([play]))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local",
         "-e", f"ansible_python_interpreter={sys.executable}", str(book)],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
             "ANSIBLE_INVENTORY_ENABLED": "host_list", "XDG_STATE_HOME": str(folder / "state")},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_right_is_brought_with_its_token(tmp_path: Path) -> None:
    status, said = deliver(tmp_path)
    assert status == 0, said
    place = tmp_path / "export/workloads/artefacts/kubernetes/1"
    assert (place / "share/images/nodes.tar").stat().st_size == 2 << 20
    token = (tmp_path / "state/picluster/small/secrets/kubernetes-agent-token").read_text()
    assert (place / "secret/agent_token").read_text() == token
    assert len(token) == 64
    assert token not in said


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {"workload_kubernetes_k3s": ""},
            "k3s for the nodes (workload_kubernetes_k3s) is not named",
        ),
        ({"workload_kubernetes_k3s": "/nowhere/k3s"}, "cannot read k3s for the nodes"),
        ({"workload_kubernetes_k3s_sha256": "0" * 64}, f"not {'0' * 64}"),
        ({"workload_kubernetes_architecture": "arm64"}, "is built for amd64, not arm64"),
        ({"workload_kubernetes_data_mib": 1}, "MiB together, and 1 MiB are allowed"),
        (
            {"workload_kubernetes_data_mib": 800},
            "are parts of workload_kubernetes_memory_mib (768)",
        ),
        ({"workload_kubernetes_server": "head:6443"}, "workload_kubernetes_server (head:6443) is"),
        ({"workload_kubernetes_labels": {"a": 'b"c'}}, 'holds blanks or quotes: a=b"c'),
    ],
)
def test_what_is_wrong_is_refused(tmp_path: Path, given: dict[str, Any], why: str) -> None:
    status, said = deliver(tmp_path, **given)
    assert status == 2
    assert why in said, said
    assert not (tmp_path / "export").exists()
    assert not (tmp_path / "state").exists()

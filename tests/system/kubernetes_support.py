"""A stand-in for k3s on boards: it records how it was started, and answers as a kubelet does.

It is a program for this machine's processor, as the real one is for the board's, and does nothing
else than start a script that lies among the archives of images.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any

import yaml

from picluster.cluster.load import find_description
from picluster.net import dotted
from picluster.plan.read import read_plan

if TYPE_CHECKING:
    from pathlib import Path

    from rollout_support import Rollouts

_BASE = 0x400000
_HEADERS = 64 + 56
#: Where a version's archives are on a board.
_IMAGES = "/run/picluster/workloads/artefacts/kubernetes/{version}/share/images"
#: What it was started with; a process of a container that outlives it; a kubelet that is well.
_SCRIPT = """#!/bin/bash
record=/var/lib/k3s-standin
data=/var/lib/picluster/work/kubernetes/data/k3s
mkdir -p $record $data/data/0a1b/bin
printf '%s\\n' "$@" > $record/arguments
cp "$3" $record/config
sha256sum < "$(sed -n 's/^token-file: "\\(.*\\)"$/\\1/p' "$3")" > $record/token
stat -f -c %T $data > $record/data
ls $data/agent/images > $record/images
cp /etc/rancher/node/password $record/password
grep NoNewPrivs /proc/self/status > $record/rights
cp /bin/bash $data/data/0a1b/bin/containerd-shim-runc-v2
setsid $data/data/0a1b/bin/containerd-shim-runc-v2 -c 'sleep 1000 & wait' &
exec python3 -c '
import http.server
class Kubelet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", 10248), Kubelet).serve_forever()
'
"""
_CGROUPS = "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t45\t1\n"


def program_of(script: str) -> bytes:
    """An x86-64 program that becomes ``bash SCRIPT`` with the arguments it was given.

    At its start the stack holds the number of arguments, their pointers, and those of the
    environment: over the first two it puts its own words, and so has the new arguments.
    """
    shell, path = b"/bin/bash\0", script.encode() + b"\0"
    code = bytes.fromhex("488b0424488d54c410")  # rax = count; rdx = environment
    after = len(code) + 7 + 4 + 7 + 5 + 3 + 3 + 5 + 2
    code += b"\x48\x8d\x3d" + struct.pack("<i", after - len(code) - 7)  # rdi = the shell
    code += bytes.fromhex("48893c24")
    code += b"\x48\x8d\x0d" + struct.pack("<i", after + len(shell) - len(code) - 7)  # rcx = path
    code += bytes.fromhex("48894c24084889e64831c0b83b0000000f05")  # execve
    assert len(code) == after
    content = code + shell + path
    size = _HEADERS + len(content)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return ident + header + segment + content


def standin(folder: Path, version: str) -> dict[str, Any]:
    """Make it and its archives; the variables of the role that name them."""
    images = _IMAGES.format(version=version)
    script, groups, program = folder / "k3s.sh", folder / "cgroups", folder / "k3s"
    script.write_text(_SCRIPT)
    groups.write_text(_CGROUPS)
    program.write_bytes(program_of(f"{images}/{script.name}"))
    program.chmod(0o755)
    return {
        "workload_kubernetes_version": version,
        "workload_kubernetes_architecture": "amd64",
        "workload_kubernetes_k3s": str(program),
        "workload_kubernetes_k3s_sha256": sum_of(program),
        "workload_kubernetes_images": [
            {"path": str(path), "sha256": sum_of(path)} for path in (script, groups)
        ],
        "workload_kubernetes_cgroups": f"{images}/{groups.name}",
        "workload_kubernetes_data_mib": 8,
        "workload_kubernetes_memory_mib": 464,
        "workload_kubernetes_start_s": 20,
    }


def recorded(rollouts: Rollouts, board: str) -> dict[str, Any]:
    """What it was started with on a board."""
    script = "cd /var/lib/k3s-standin && head -c 5000 *"
    found: dict[str, Any] = {}
    for part in rollouts.on(board, script).split("==> ")[1:]:
        name, _, text = part.partition(" <==\n")
        found[name] = text.strip()
    found["config"] = yaml.safe_load(found["config"])
    return found


def expected(rollouts: Rollouts, board: str, zone: str, token: str) -> dict[str, Any]:
    """What it should have been started with; the password of the board is its own."""
    _, bank, slot = board.split("-")
    here = "/var/lib/picluster/work/kubernetes"
    head = read_plan(find_description(rollouts.twin.inventory)).cluster.head
    password = hashlib.sha256(f"{board} {token}".encode()).hexdigest()[:32]
    return {
        "arguments": f"agent\n--config\n{here}/data/config.yaml",
        "config": {
            "server": f"https://{dotted(head.address)}:6443",
            "token-file": f"{here}/1/secret/agent_token",
            "data-dir": f"{here}/data/k3s",
            "node-name": board,
            "node-ip": rollouts.twin.truth.boards()[board].address,
            "flannel-iface": "eth0",
            "resolv-conf": "/etc/resolv.conf",
            "snapshotter": "overlayfs",
            "node-label": [
                f"topology.kubernetes.io/zone={zone}", f"picluster/bank={bank}",
                f"picluster/slot={slot}",
            ],
            "kubelet-arg": [
                "max-pods=16", "kube-reserved=memory=448Mi", "system-reserved=memory=160Mi",
                "eviction-hard=memory.available<60Mi,nodefs.available<10%,imagefs.available<10%",
            ],
        },
        "token": f"{hashlib.sha256(token.encode()).hexdigest()}  -",
        "data": "tmpfs",
        "images": "cgroups\nk3s.sh",
        "password": password,
        "rights": "NoNewPrivs:\t0",
    }  # fmt: skip


def sum_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

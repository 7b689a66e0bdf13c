"""What a node makes of the settings of ``workload_kubernetes``, by the functions it runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

FILES = Path(__file__).parents[3] / "roles" / "workload_kubernetes" / "files" / "workload"
KUBELET = "max-pods=16 eviction-hard=memory.available<60Mi,nodefs.available<10%"


def agent(folder: Path, script: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script with the agent's functions and a node's environment."""
    secrets = folder / "secret"
    secrets.mkdir(exist_ok=True)
    (secrets / "agent_token").write_text("0123456789abcdef")
    environment = {
        "PATH": os.environ["PATH"],
        "DATA": str(folder / "data"),
        "SECRETS": str(secrets),
        "SHARE": str(folder / "share"),
        "CGROUPS": str(folder / "cgroups"),
        "PASSWORD_FILE": str(folder / "node" / "password"),
        "NODE": "pi-2-7",
        "ADDRESS": "172.20.2.7",
        "BANK": "2",
        "SLOT": "7",
        "BOOT_SERVER": "172.20.0.10",
        "SERVER_URL": "",
        "ZONES": "1=domain_1 2=domain_2 22=domain_9",
        "LABELS": "",
        "TAINTS": "",
        "KUBELET_ARGS": KUBELET,
        "SNAPSHOTTER": "overlayfs",
        "INTERFACE": "eth0",
        "DATA_MIB": "384",
        **more,
    }
    return subprocess.run(
        ["bash", "-c", f"set -f; . {FILES}/agent.sh; {script}"],
        env=environment, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def configuration(folder: Path, **more: str) -> dict[str, Any]:
    done = agent(folder, "configuration", **more)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found


def test_a_node_is_labelled_with_its_zone_bank_and_slot(tmp_path: Path) -> None:
    assert configuration(tmp_path) == {
        "server": "https://172.20.0.10:6443",
        "token-file": f"{tmp_path}/secret/agent_token",
        "data-dir": f"{tmp_path}/data/k3s",
        "node-name": "pi-2-7",
        "node-ip": "172.20.2.7",
        "flannel-iface": "eth0",
        "resolv-conf": "/etc/resolv.conf",
        "snapshotter": "overlayfs",
        "node-label": [
            "topology.kubernetes.io/zone=domain_2", "picluster/bank=2", "picluster/slot=7",
        ],
        "kubelet-arg": KUBELET.split(),
    }  # fmt: skip


def test_what_is_given_beside_it(tmp_path: Path) -> None:
    found = configuration(
        tmp_path, SERVER_URL="https://10.0.0.1:6443", LABELS="a/b=c d=e", BANK="3",
        TAINTS="x=y:NoSchedule",
    )  # fmt: skip
    assert found["server"] == "https://10.0.0.1:6443"
    assert found["node-label"] == ["picluster/bank=3", "picluster/slot=7", "a/b=c", "d=e"]
    assert found["node-taint"] == ["x=y:NoSchedule"]


def test_a_node_has_the_same_password_at_every_boot(tmp_path: Path) -> None:
    file = tmp_path / "node" / "password"
    found = []
    for node in ("pi-2-7", "pi-2-7", "pi-2-8"):
        assert agent(tmp_path, "write_password", NODE=node).returncode == 0
        found.append(file.read_text())
        assert file.stat().st_mode & 0o777 == 0o600
        file.unlink()
    assert len(found[0]) == 33
    assert found[0] == found[1] != found[2]
    assert "0123456789abcdef" not in found[0]


@pytest.mark.parametrize(("line", "status"), [("1", 0), ("0", 1), ("", 1)])
def test_a_kernel_that_limits_no_memory_is_told(tmp_path: Path, line: str, status: int) -> None:
    groups = f"#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t45\t{line}\n"
    (tmp_path / "cgroups").write_text(groups if line else groups.replace("memory", "cpu"))
    done = agent(tmp_path, "refuse_kernel")
    assert done.returncode == status
    told = "node_image_cmdline lacks cgroup_enable=memory cgroup_memory=1" in done.stdout
    assert told == bool(status)


def test_containers_do_not_outlive_the_agent(tmp_path: Path) -> None:
    """A program of k3s's with a child in a session of its own ends; the like elsewhere does not."""
    processes = []
    for place in ("data/k3s/data/0a1b/bin", "elsewhere/data/0a1b/bin"):
        shim = tmp_path / place / "containerd-shim-runc-v2"
        shim.parent.mkdir(parents=True)
        shutil.copy("/bin/bash", shim)
        work = f"sleep 1000 & echo $! > {shim.parent}/child; wait"
        processes.append(subprocess.Popen([str(shim), "-c", work], start_new_session=True))
    try:
        children = [tmp_path / "data/k3s/data/0a1b/bin/child", shim.parent / "child"]
        end = time.monotonic() + 10
        while not all(file.exists() and file.read_text() for file in children):
            assert time.monotonic() < end
            time.sleep(0.05)
        inner, outer = (int(file.read_text()) for file in children)
        done = agent(tmp_path, "set +f; clean")
        assert (done.returncode, done.stderr) == (0, "")
        assert processes[0].wait(10) == -signal.SIGKILL
        assert not _runs(inner)
        assert processes[1].poll() is None
        assert _runs(outer)
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False

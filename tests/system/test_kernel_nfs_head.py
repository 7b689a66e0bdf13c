"""A head with a kernel of its own: its NFS server is the kernel's, and nodes boot from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from conftest import NAME
from head_support import MINI
from image_support import DESCRIPTION, EXPORT, Booted, powered

from twin.head.playbook import play
from twin.head.vm import PLAY_S, MachineHead
from twin.machine import told
from twin.machine.login import Login, trust
from twin.rack import Rack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picluster.cluster.model import Cluster
    from twin.head import Head
    from twin.head.playbook import Outcome

pytestmark = [pytest.mark.boots, pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(10000)]


@pytest.fixture(scope="module")
def own_rack(machine: None, mini: Cluster) -> Iterator[Rack]:  # noqa: ARG001
    """Another network of the same racks: two heads of one address never meet."""
    with Rack(f"{NAME}-kernel", [bank.number for bank in mini.banks]) as network:
        yield network


@pytest.fixture(scope="module")
def kernel_head(
    own_rack: Rack, mini: Cluster, configured_head: Head, debian_image: dict[str, Any]
) -> Iterator[MachineHead]:
    """A bare machine, but for the image that another boot server built."""
    version = debian_image["version"]
    place = f"{EXPORT}/{version}"
    seed = {place: configured_head.exports / "export" / "images" / version}
    with MachineHead.of(mini, f"{NAME}-kernel", own_rack, seed=seed) as head:
        yield head


@pytest.fixture(scope="module")
def outcome(kernel_head: MachineHead) -> Outcome:
    done = play(kernel_head, MINI, timeout_s=PLAY_S)
    assert done.status == 0, done.explain()
    return done


@pytest.fixture(scope="module")
def promoted(kernel_head: MachineHead, outcome: Outcome, debian_image: dict[str, Any]) -> str:  # noqa: ARG001
    """The version that all banks boot from."""
    version = str(debian_image["version"])
    words = ["-e", f"picluster_version={version}", "-e", "picluster_promote=all"]
    done = play(kernel_head, MINI, "playbooks/image.yml", words, timeout_s=PLAY_S)
    assert done.status == 0, done.explain()
    return version


def test_the_kernel_serves_and_its_limits_are_set(
    kernel_head: MachineHead, outcome: Outcome
) -> None:
    assert outcome.changed(), "the head was not bare"
    threads = int(kernel_head.exec(["cat", "/proc/fs/nfsd/threads"]))
    assert threads == 10  # one per eight of 84 boards
    listed = kernel_head.exec(["exportfs", "-v"])
    assert re.search(r"^/srv/picluster/export\s+172\.20\.0\.0/16\(.*\bro\b", listed, re.MULTILINE)
    assert "no_root_squash" in listed
    wanted = kernel_head.exec(["grep", "=", "/etc/sysctl.d/60-picluster.conf"]).splitlines()
    names = [line.partition(" = ")[0] for line in wanted]
    assert kernel_head.exec(["sysctl", *names]).splitlines() == wanted
    assert kernel_head.exec(["systemctl", "is-active", "chrony.service"]).strip() == "active"


def test_a_node_boots_from_the_kernels_nfs_server(
    kernel_head: MachineHead, own_rack: Rack, promoted: str, login: Login, tmp_path: Path
) -> None:
    known_hosts = tmp_path / "known_hosts"
    trust(kernel_head, DESCRIPTION, known_hosts)
    with (
        own_rack.client("172.20.0.200/16") as namespace,
        powered(own_rack, "pi-2-9", tmp_path, memory_mib=512) as (machine, since),
    ):
        booted = Booted(machine, Login(namespace, login.key, known_hosts))
        said = told.wait(kernel_head, booted.address, "ready", since=since)
        assert said["image"] == promoted
        assert booted.run("systemctl is-system-running").strip() == "running"
        assert "172.20.0.10:/srv/picluster/export" in booted.run("cat /proc/self/mountinfo")
        clients = kernel_head.exec(["ss", "-Htn", "state", "established", "sport = :2049"])
        assert f"{booted.address}:" in clients

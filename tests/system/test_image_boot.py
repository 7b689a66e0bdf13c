"""Real kernels boot the Debian image from the head that ``site.yml`` and ``image.yml`` made."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from head_support import MINI, tftp
from image_support import Booted, digest_of_tree, powered

from picluster.plan.inventory import ssh_arguments
from twin.head.places import TREE
from twin.machine import Kind, told
from twin.machine.login import Login
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twin.head import Head
    from twin.rack import Rack

pytestmark = [pytest.mark.boots, pytest.mark.slow, pytest.mark.timeout(1800)]

#: One of the canary bank, two of the other one.
NODES = ("pi-1-3", "pi-2-5", "pi-2-6")
#: Of the limits that the image has to keep.
MEMORY_MIB = 90
INITRAMFS_BYTES = 5_000_000
TFTP_BYTES = 15_000_000


@pytest.fixture(scope="module")
def nodes(
    debian_image: dict[str, Any],  # noqa: ARG001 - what they boot
    configured_head: Head,
    rack: Rack,
    login: Login,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Booted]]:
    """Three nodes that are ready at once."""
    folder = tmp_path_factory.mktemp("nodes")
    with ExitStack() as stack:
        machines = [
            stack.enter_context(powered(rack, name, folder, memory_mib=512)) for name in NODES
        ]
        booted = []
        for machine, since in machines:
            told.wait(configured_head, machine.node.address, "ready", since=since)
            booted.append(Booted(machine, login))
        yield booted


def test_the_image_is_small(debian_image: dict[str, Any]) -> None:
    boot = debian_image["boot"]
    assert boot["initramfs8"]["size"] <= INITRAMFS_BYTES
    assert sum(file["size"] for file in boot.values()) <= TFTP_BYTES


def test_nodes_are_running_systems_of_their_version(
    nodes: list[Booted], debian_image: dict[str, Any], configured_head: Head
) -> None:
    for booted in nodes:
        assert booted.run("systemctl is-system-running --wait").strip() == "running", booted.address
        said = told.last(configured_head, booted.address)
        assert said is not None
        assert said["image"] == debian_image["version"]
        assert said["mac"] == str(booted.machine.node.mac)
        assert said["name"] == booted.machine.node.name
        assert booted.run("hostname").strip() == booted.machine.node.name


def test_the_root_is_an_overlay_and_memory_is_left(
    nodes: list[Booted], debian_image: dict[str, Any]
) -> None:
    for booted in nodes:
        assert told.overlay_s(booted.machine.console.text) is not None
        mounts = booted.run("cat /proc/mounts").splitlines()
        (root,) = [line.split() for line in mounts if line.split()[1] == "/"]
        assert root[2] == "overlay"
        assert root[3].split(",")[0] == "rw"
        served = f"172.20.0.10:/srv/picluster/export/images/{debian_image['version']}"
        (image,) = [line.split() for line in mounts if line.split()[1] == "/run/picluster/image"]
        assert (image[0], image[2]) == (served, "nfs")
        assert "ro" in image[3].split(",")
        (lower,) = [line.split() for line in mounts if line.split()[1] == "/run/picluster/lower"]
        assert lower[2] == "squashfs"
        assert "ro" in lower[3].split(",")
        meminfo = dict(re.findall(r"^(\w+): +(\d+) kB$", booted.run("cat /proc/meminfo"), re.M))
        used = int(meminfo["MemTotal"]) - int(meminfo["MemFree"])
        used -= int(meminfo["Buffers"]) + int(meminfo["Cached"])
        assert used / 1024 <= MEMORY_MIB, meminfo


def test_identities_differ(nodes: list[Booted]) -> None:
    for path in ("/etc/machine-id", "/run/picluster/ssh/ssh_host_ed25519_key.pub"):
        found = [booted.run(f"cat {path}").strip() for booted in nodes]
        assert all(found), path
        assert len(set(found)) == len(nodes), found


def test_nobody_gets_in_by_password(nodes: list[Booted]) -> None:
    booted = nodes[0]
    allowed = booted.run("sshd -T | grep -E '^(password|kbdinteractive)auth|^permitrootlogin'")
    assert sorted(allowed.splitlines()) == [
        "kbdinteractiveauthentication no",
        "passwordauthentication no",
        "permitrootlogin without-password",
    ]
    shadow = booted.run("cut -d: -f2 /etc/shadow | sort -u").split()
    assert all(value.startswith(("!", "*")) for value in shadow), shadow


def test_ansible_runs_a_role_on_the_nodes(
    nodes: list[Booted], login: Login, tmp_path: Path
) -> None:
    roles = tmp_path / "roles" / "greeting" / "tasks"
    roles.mkdir(parents=True)
    tasks = [
        {
            "name": "Leave a greeting",
            "ansible.builtin.copy": {
                "dest": "/root/greeting",
                "content": "{{ inventory_hostname }}\n",
                "mode": "0600",
            },
        }
    ]
    (roles / "main.yml").write_text(json.dumps(tasks))
    play = [{"hosts": "pi", "gather_facts": False, "roles": ["greeting"]}]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    ssh = ssh_arguments(login.known_hosts)
    words = [str(TREE / ".venv" / "bin" / "ansible-playbook"), "-i", str(MINI)]
    words += ["--limit", ",".join(NODES), "--private-key", str(login.key)]
    words += ["-e", json.dumps({"ansible_ssh_common_args": ssh}), str(tmp_path / "play.yml")]
    environment = [
        f"ANSIBLE_CONFIG={TREE / 'ansible.cfg'}",
        f"ANSIBLE_ROLES_PATH={roles.parents[1]}",
        # A kept connection would outlive the namespace it goes through.
        "ANSIBLE_SSH_ARGS=-o ControlMaster=no -o ControlPath=none",
    ]
    command(login.namespace.inside(["env", *environment, *words]), timeout_s=300)
    for booted in nodes:
        assert booted.run("cat /root/greeting").strip() == booted.machine.node.name


def test_a_full_upper_layer_is_told_and_writes_stay_in_memory(
    nodes: list[Booted], debian_image: dict[str, Any], configured_head: Head
) -> None:
    """Heavy writing: the served tree is the same to the bit, and the head hears why it ends."""
    before = digest_of_tree(configured_head, debian_image["version"])
    booted, since = nodes[1], time.time()
    for other in nodes:
        other.run(
            "dd if=/dev/urandom of=/var/lib/rubbish bs=1M count=40 status=none && "
            "rm /etc/hosts && chmod -R g+w /etc /usr/share && echo x >> /usr/bin/env && sync",
            timeout_s=400,
        )
    full = booted.run("dd if=/dev/zero of=/var/lib/more bs=1M count=4096 2>&1; true", timeout_s=300)
    assert "No space left on device" in full
    said = told.wait(configured_head, booted.address, "warning", since=since, timeout_s=180)
    assert re.fullmatch(r"upper layer (\d+) % full", said["reason"])
    assert said["step"] == "overlay"
    booted.machine.console.wait(r"WARNING: the overlay's writable layer is \d+ % full", 10)
    booted.run("rm /var/lib/more")
    assert digest_of_tree(configured_head, debian_image["version"]) == before


def test_the_nfs_server_may_die_while_a_node_runs(
    nodes: list[Booted], configured_head: Head
) -> None:
    booted = nodes[2]
    boot_id = booted.run("cat /proc/sys/kernel/random/boot_id")
    # Without a server nobody can log in any more, so the node forgets what it read by itself.
    booted.run("(sleep 5; echo 3 > /proc/sys/vm/drop_caches) > /dev/null 2>&1 &")
    try:
        configured_head.exec(["systemctl", "kill", "--signal=SIGKILL", "nfs-ganesha.service"])
        configured_head.exec(["systemctl", "stop", "nfs-ganesha.service"])
        time.sleep(20)
    finally:
        configured_head.exec(["systemctl", "start", "nfs-ganesha.service"])
    read = booted.run(
        "sha256sum /usr/bin/* | wc -l; cat /proc/sys/kernel/random/boot_id", timeout_s=400
    )
    assert read.endswith(boot_id), "it started again"


def test_nothing_that_was_written_outlives_a_boot(
    nodes: list[Booted],
    configured_head: Head,
    rack: Rack,
    tmp_path: Path,
) -> None:
    """And the NFS server may be away while it boots: it comes up without being power-cycled."""
    old = nodes.pop(0)
    identity = old.run("cat /etc/machine-id; cat /proc/sys/kernel/random/boot_id").split()
    old.run("test -e /root/greeting && echo x > /root/written")
    old.machine.power_off()
    configured_head.exec(["systemctl", "stop", "nfs-ganesha.service"])
    name = old.machine.node.name
    try:
        with powered(rack, name, tmp_path, memory_mib=512) as (machine, since):
            machine.console.wait(r"picluster: cannot mount 172\.20\.0\.10:/", timeout_s=400)
            time.sleep(5)
            configured_head.exec(["systemctl", "start", "nfs-ganesha.service"])
            told.wait(configured_head, machine.node.address, "ready", since=since)
            assert machine.console.text.count(f"picluster: {name} ") == 1
            new = Booted(machine, old.login)
            assert new.run("ls /root").split() == []
            assert new.run("test -e /var/lib/rubbish; echo $?").strip() == "1"
            again = new.run("cat /etc/machine-id; cat /proc/sys/kernel/random/boot_id").split()
            assert again[0] == identity[0], "a node keeps its machine-id"
            assert again[1] != identity[1]
    finally:
        configured_head.exec(["systemctl", "start", "nfs-ganesha.service"])


def test_a_board_of_the_3b_plus_boots_to_a_login(
    debian_image: dict[str, Any], configured_head: Head, rack: Rack, tmp_path: Path
) -> None:
    """QEMU's raspi3b with the 3B+ device tree and a USB network adapter."""
    with powered(rack, "pi-2-7", tmp_path, kind=Kind.RASPI3B) as (machine, since):
        said: dict[str, Any] = told.wait(
            configured_head, machine.node.address, "ready", since=since, timeout_s=600
        )
        assert said["image"] == debian_image["version"]
        machine.console.wait(rf"{machine.node.name} login:", timeout_s=120)


def test_a_node_without_its_image_says_so_and_starts_again(
    debian_image: dict[str, Any],  # noqa: ARG001 - what it boots
    configured_head: Head,
    rack: Rack,
    tmp_path: Path,
) -> None:
    """The version is not on the server: told with step and reason, then a reboot, no waiting."""
    arguments = "picluster.panic=3 picluster.path=/srv/picluster/export/images/gone"
    with powered(rack, "pi-2-8", tmp_path, memory_mib=512, arguments=arguments) as (
        machine,
        since,
    ):
        said = told.wait(configured_head, machine.node.address, "failed", since=since)
        assert said["step"] == "nfs"
        assert "/images/gone: " in said["reason"]
        machine.console.wait(r"picluster: rebooting in 3 s", timeout_s=60)
        end = time.monotonic() + 60
        while machine.running and time.monotonic() < end:
            time.sleep(0.2)
        assert not machine.running, "QEMU ends at a reboot"


def test_unknown_boards_get_nothing(rack: Rack, configured_head: Head) -> None:
    with rack.client("172.20.1.250/16", bank=1) as stranger:
        done = tftp(stranger, "172.20.0.10", "get", "kernel8.img", "/dev/null")
        assert "Error code 1: File not found" in done.stdout
        assert told.last(configured_head, "172.20.1.250") is None

"""Oracle Linux on a board: built by dnf on the head, published, and its kernel really started.

The packages are stand-ins with the names, paths and scriptlets of Oracle's, and Debian's programs
and kernel in them; all that comes after the package step is proved on them.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from image_support import Booted, build, powered

from twin.machine import told
from twin.rpm.cached import ensure_standin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.head import Head
    from twin.machine.login import Login
    from twin.rack import Rack
    from twin.rpm.cached import Signed

pytestmark = [pytest.mark.boots, pytest.mark.slow, pytest.mark.timeout(2400)]

#: A board of the canary bank.
NODE = "pi-1-9"
#: Where the head sees what lies in its exports directory on this machine.
PLACE = "standin"
CANARY = "/srv/picluster/tftp/images/canary"


@pytest.fixture(scope="module")
def standin() -> Signed:
    return ensure_standin()


@pytest.fixture(scope="module")
def variables(configured_head: Head, login: Login, standin: Signed) -> dict[str, Any]:
    """Variables of the role for the repository, of which the head has a copy."""
    place = configured_head.places.exports / PLACE
    shutil.copytree(standin.directory, place / "repo", dirs_exist_ok=True)
    shutil.copy(standin.key, place / "key.asc")
    return {
        "node_image_provider": "oraclelinux",
        "node_image_release": "9",
        "node_image_root": "tree",  # the other kind than the Debian image's
        "node_image_oraclelinux_mirror": f"file:///srv/picluster/{PLACE}",
        "node_image_oraclelinux_repositories": {
            "9": [{"id": "ol9_standin", "baseurl": "$mirror/repo"}]
        },
        "node_image_oraclelinux_keys": {"9": ["$mirror/key.asc"]},
        "node_image_oraclelinux_fingerprints": {"9": [standin.fingerprint]},
        "node_image_oraclelinux_repo_gpgcheck": True,
        "node_image_authorized_keys": [login.key.with_suffix(".pub").read_text().strip()],
    }


@pytest.fixture(scope="module")
def image(configured_head: Head, variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Manifest of the image, which the canary bank boots as long as this module is tested."""
    before = configured_head.run(["readlink", CANARY]).stdout.decode().strip()
    yield build(configured_head, json.dumps(variables), promote="canary")
    if before:
        configured_head.exec(["ln", "-sfnT", before, CANARY])


@pytest.fixture(scope="module")
def booted(
    image: dict[str, Any],
    configured_head: Head,
    rack: Rack,
    login: Login,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Booted]:
    """A node that is ready."""
    with powered(rack, NODE, tmp_path_factory.mktemp("ol"), memory_mib=512) as (machine, since):
        said = told.wait(configured_head, machine.node.address, "ready", since=since)
        assert said["image"] == image["version"]
        yield Booted(machine, login)


def test_the_manifest_says_what_the_image_is_made_of(
    image: dict[str, Any], standin: Signed
) -> None:
    assert image["version"].startswith("oraclelinux-9-")
    assert image["provider"] == "oraclelinux"
    packages = image["packages"]
    assert {"openssh-server", "python3", "chrony", "kernel-uek-modules-usb"} <= packages.keys()
    assert packages["systemd"] == "9.0-1.el9.aarch64"
    assert image["source"] == {
        "repositories": {"ol9_standin": f"file:///srv/picluster/{PLACE}/repo/"},
        "fingerprints": [standin.fingerprint],
    }


def test_a_second_build_of_the_same_does_nothing(
    configured_head: Head, variables: dict[str, Any], image: dict[str, Any]
) -> None:
    # Nobody asks the archive either: it is not there.
    place = configured_head.places.exports / PLACE
    away = place.rename(place.with_name("away"))
    try:
        assert build(configured_head, json.dumps(variables))["version"] == image["version"]
    finally:
        away.rename(place)


def test_the_node_is_a_running_system_that_ansible_can_use(booted: Booted) -> None:
    assert booted.run("systemctl is-system-running --wait").strip() == "running"
    assert 'ID="ol"' in booted.run("cat /etc/os-release").splitlines()
    assert booted.run("systemctl is-active sshd chronyd").split() == ["active", "active"]
    assert booted.run("python3 -c 'import json, ssl; print(6 * 7)'").strip() == "42"
    assert booted.run("hostname").strip() == NODE


def test_the_root_is_an_overlay_on_what_dnf_installed(
    booted: Booted, image: dict[str, Any]
) -> None:
    assert booted.run("findmnt -no FSTYPE /").strip() == "overlay"
    served = f"172.20.0.10:/srv/picluster/export/images/{image['version']}"
    lower = booted.run("findmnt -no SOURCE,FSTYPE /run/picluster/lower").split()
    assert lower == [f"{served}/root", "nfs"]
    assert booted.run("uname -r").strip() == image["kernel"]
    module = booted.run("modprobe virtio-rng && modinfo -n virtio-rng").strip()
    assert module.endswith(".ko.xz")
    assert booted.run("stat -c %U /var/lib/chrony").strip() == "_chrony"
    assert booted.run("cat /sys/fs/selinux/enforce 2>/dev/null || echo none").strip() == "none"
    # rpm left out what no node needs, and dracut ran for the node's initramfs alone.
    gone = "/usr/lib/firmware /var/lib/dracut-was-run /var/cache/dnf /etc/ssh/ssh_host_rsa_key"
    assert booted.run(f"ls -d {gone} 2>/dev/null || true").split() == []
    assert booted.run("ls /var/lib/rpm").split() == ["rpmdb.sqlite"]

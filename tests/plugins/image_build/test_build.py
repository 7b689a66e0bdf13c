"""A version from what is asked for to a directory in place, or nothing at all."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from image_build_support import KERNEL, PUBLIC_KEY, Tiny, kernel_image, wait_for

from plugins.module_utils import image_tree
from plugins.module_utils.image_build import build as builds
from plugins.module_utils.image_build.build import build, finished, look
from plugins.module_utils.image_build.order import Order, read_order
from plugins.module_utils.image_build.provider import BuildError, Progress, Settings

pytestmark = [
    pytest.mark.usefixtures("tiny_world"),
    pytest.mark.skipif(os.geteuid() != 0, reason="an image is built by root"),
    pytest.mark.skipif(not shutil.which("systemctl"), reason="no systemctl here"),
]


def entries(images: Path) -> list[str]:
    """What a build leaves, but for its lock."""
    return sorted(path.name for path in images.iterdir() if path.name != ".lock")


def test_a_version_is_whole_and_as_its_manifest_says(
    order: Order, provider: Tiny, trees: Path, tmp_path: Path
) -> None:
    said = tmp_path / "progress"
    made = build(order, provider, trees, said)
    place = order.images / made["version"]
    assert made["built_now"]
    assert entries(order.images) == [made["version"]]
    assert sorted(path.name for path in place.iterdir()) == [
        "SHA256SUMS.gz", "boot", "manifest.json", "root",
    ]  # fmt: skip

    boot = place / "boot"
    assert sorted(path.name for path in boot.iterdir()) == [
        "bcm2837-rpi-3-b-plus.dtb", "cmdline.txt", "config.txt", "initramfs8", "kernel8.img",
        "start_cd.elf",
    ]  # fmt: skip
    assert gzip.decompress((boot / "kernel8.img").read_bytes()) == kernel_image()
    assert (boot / "cmdline.txt").read_text() == (
        f"console=tty1 root=picluster picluster.image={place.name} picluster.path={place}\n"
    )

    manifest = json.loads((place / "manifest.json").read_text())
    assert {key: manifest[key] for key in ("format", "kernel", "packages", "root")} == {
        "format": 1, "kernel": KERNEL, "packages": {"tiny": "1.0"}, "root": "tree",
    }  # fmt: skip
    listed, digest = image_tree.read_sums(place / "SHA256SUMS.gz")
    assert (list(image_tree.differences(place / "root", listed)), digest) == (
        [],
        manifest["root_sha256"],
    )
    assert manifest["sizes"]["root_files"] == len(listed) - 1
    assert manifest["sizes"]["boot_bytes"] == sum(path.stat().st_size for path in boot.iterdir())
    assert said.read_text().splitlines()[0] == "install"


def test_the_root_is_a_nodes(order: Order, provider: Tiny, trees: Path) -> None:
    root = order.images / build(order, provider, trees, None)["version"] / "root"
    files = {
        str(path.relative_to(root)): (stat.S_IMODE(path.lstat().st_mode), path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    shadow = b"root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n"
    assert files == {
        "etc/machine-id": (0o444, b""),
        "etc/passwd": (0o644, b"root:x:0:0:root:/root:/bin/sh\n"),
        "etc/picluster/node.conf": (0o644, b"A=1\n"),
        "etc/resolv.conf": (0o644, b""),
        "etc/shadow": (0o644, shadow),
        "etc/ssh/sshd_config": (0o644, b"PermitRootLogin yes\n"),
        "root/.ssh/authorized_keys": (0o600, f"{PUBLIC_KEY}\n".encode()),
        f"usr/lib/modules/{KERNEL}/modules.dep": (0o644, b""),
        "usr/lib/picluster/busybox": (0o755, b"busybox"),
        "usr/lib/systemd/system/ssh.service": (
            0o644,
            b"[Install]\nWantedBy=multi-user.target\n",
        ),
        "usr/libexec/picluster/ready": (0o755, b"#!/bin/sh\n"),
        "usr/share/b": (0o644, b"b"),
    }
    units = root / "etc/systemd/system"
    assert (units / "apt-daily.timer").readlink() == Path("/dev/null")
    assert (units / "multi-user.target.wants/ssh.service").is_symlink()
    # Two builds of the same packages are the same: nothing is younger than what a package brought.
    assert max(path.lstat().st_mtime for path in root.rglob("*")) == 1_600_000_000


def test_the_same_inputs_build_nothing(order: Order, provider: Tiny, trees: Path) -> None:
    def once(_: Path) -> None:
        marker = order.images.parent / "installed"
        assert not marker.exists(), "it was installed twice"
        marker.touch()

    provider.more = once
    first = build(order, provider, trees, None)
    before = (order.images / first["version"]).stat().st_mtime_ns
    (order.images / ".building-left").mkdir()
    second = build(order, provider, trees, None)
    assert (second["version"], second["built_now"]) == (first["version"], False)
    assert (order.images / first["version"]).stat().st_mtime_ns == before
    # What a killed build left goes at the next one.
    assert entries(order.images) == [first["version"]]


@pytest.mark.skipif(not shutil.which("unsquashfs"), reason="no squashfs-tools here")
def test_a_squashfs_holds_the_listed_tree(
    options: dict[str, Any], provider: Tiny, trees: Path, tmp_path: Path
) -> None:
    order = read_order({**options, "root": "squashfs"})
    made = build(order, provider, trees, None)
    place = order.images / made["version"]
    assert sorted(path.name for path in place.iterdir()) == [
        "SHA256SUMS.gz", "boot", "manifest.json", "root.squashfs",
    ]  # fmt: skip
    image = place / "root.squashfs"
    assert made["root_sha256"] == image_tree.digest(image)
    assert made["sizes"]["squashfs_bytes"] == image.stat().st_size
    out = tmp_path / "out"
    subprocess.run(["unsquashfs", "-q", "-d", str(out), str(image)], check=True)
    listed, _ = image_tree.read_sums(place / "SHA256SUMS.gz")
    assert list(image_tree.differences(out, listed)) == []


def put(path: str, content: str, mode: int = 0o644) -> Callable[[Path], None]:
    def more(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
        (root / path).chmod(mode)

    return more


PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (put("etc/ssl/private/a.key", PEM), "/etc/ssl/private/a.key holds a private key"),
        (put("root/.ssh/id_ed25519", "?"), "/root/.ssh/id_ed25519 is a private key by its name"),
        (put("home/pi/notes", "-----BEGIN RSA PRIVATE KEY-----"), "/home/pi/notes holds a private"),
        (put("var/lib/a", "x" * (2 << 20) + f"\n{PEM}"), "/var/lib/a holds a private key"),
        (
            put("root/.gnupg/private-keys-v1.d/A.key", "Created: 1\nKey: (private-key (ecc"),
            "A.key holds a private key",
        ),
        (put("etc/group", "root:x:0:\nstaff:ab1:50:\n"), "/etc/group line 2: staff has a password"),
        (put("etc/shadow", "root:*:1::::::\npi:$6$a$b:1::::::\n"), "line 2: pi has a password"),
        (put("etc/shadow", "root:*:1::::::\npi::1::::::\n"), "line 2: pi needs no password"),
        (put("etc/passwd", "pi:secret:1:1::/:/bin/sh\n"), "/etc/passwd line 1: pi has a password"),
        (put("usr/bin/odd", "", 0o4755), "/usr/bin/odd would run with the rights of user 0"),
    ],
)
def test_an_image_with_a_secret_is_refused_and_nothing_stays(
    order: Order, provider: Tiny, trees: Path, more: Callable[[Path], None], message: str
) -> None:
    provider.more = more
    with pytest.raises(BuildError) as refused:
        build(order, provider, trees, None)
    assert message in str(refused.value)
    assert entries(order.images) == []


def test_a_full_disk_is_named_and_nothing_stays(
    options: dict[str, Any], provider: Tiny, trees: Path, tmp_path: Path
) -> None:
    images = tmp_path / "small"
    images.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(images)], check=True
    )  # fmt: skip
    try:
        provider.more = lambda root: (root / "big").write_bytes(b"x" * (32 << 20)) and None
        order = read_order({**options, "images": str(images)})
        with pytest.raises(BuildError, match=f"the disk that holds {images} is full; make room"):
            build(order, provider, trees, None)
        assert entries(images) == []
        with pytest.raises(BuildError, match="MiB free and a build needs 1024"):
            build(read_order({**options, "images": str(images), "space": 1 << 30}),
                  provider, trees, None)  # fmt: skip
    finally:
        subprocess.run(["umount", str(images)], check=True)


def test_a_board_the_kernel_does_not_know_is_refused(
    options: dict[str, Any], provider: Tiny, trees: Path
) -> None:
    boot = {**options["boot"], "device_trees": ["bcm2712-rpi-5-b.dtb"]}
    order = read_order({**options, "boot": boot})
    with pytest.raises(BuildError, match=r"no device tree bcm2712-rpi-5-b.dtb.*node_image_boards"):
        build(order, provider, trees, None)
    assert entries(order.images) == []


def test_a_builder_that_lacks_programs_is_told_all_of_them(
    order: Order, provider: Tiny, trees: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"qemu-none-static": "qemu-user-static", "none": "mmdebstrap"}
    monkeypatch.setattr(provider, "programs", lambda: wanted)
    with pytest.raises(BuildError, match="lacks mmdebstrap, qemu-user-static: apt-get install"):
        build(order, provider, trees, None)
    assert not order.images.exists()


def test_something_else_under_the_name_is_not_touched(
    order: Order, provider: Tiny, trees: Path
) -> None:
    place = order.images / look(order, provider).name
    place.mkdir(parents=True)
    (place / "manifest.json").write_text("{}")
    with pytest.raises(BuildError, match="no whole image"):
        build(order, provider, trees, None)
    assert (place / "manifest.json").read_text() == "{}"


def test_a_damaged_boot_file_is_no_finished_version(
    order: Order, provider: Tiny, trees: Path
) -> None:
    made = build(order, provider, trees, None)
    wanted = look(order, provider)
    assert finished(order, wanted)["version"] == made["version"]
    (order.images / made["version"] / "boot" / "kernel8.img").write_bytes(b"cut")
    with pytest.raises(BuildError, match="no whole image"):
        finished(order, wanted)


class Endless(Tiny):
    """Installs for ever, with a program of its own and a mount."""

    def install(self, root: Path, _: Settings, progress: Progress) -> None:
        (root / "sys").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(root / "sys")], check=True)
        progress.stage("sleep")
        subprocess.run(["sleep", "3017"], check=True)


def test_a_kill_leaves_no_process_no_mount_and_no_half_version(
    order: Order, provider: Tiny, trees: Path
) -> None:
    name = look(order, provider).name
    child = os.fork()
    if child == 0:
        build(order, Endless(), trees, None)
        os._exit(0)

    def sleeps() -> bool:
        return "sleep 3017" in subprocess.check_output(["ps", "ax"], text=True)

    wait_for(sleeps)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wait_for(lambda: not sleeps())
    assert entries(order.images) == [f".building-{name}"]
    assert str(order.images) not in Path("/proc/self/mountinfo").read_text()
    build(order, provider, trees, None)
    assert entries(order.images) == [name]


def test_a_build_nobody_follows_any_more_ends(order: Order, trees: Path, tmp_path: Path) -> None:
    said = tmp_path / "progress"
    child = os.fork()
    if child == 0:
        with pytest.raises(BuildError, match="interrupted"):
            build(order, Endless(), trees, said)
        os._exit(0 if entries(order.images) == [] else 1)
    wait_for(lambda: said.exists() and order.images.exists() and entries(order.images) != [])
    # What Ansible does when it is interrupted: it removes its files from the builder.
    said.unlink()
    assert os.waitpid(child, 0)[1] == 0


def test_two_builds_take_turns(order: Order, provider: Tiny, trees: Path, tmp_path: Path) -> None:
    provider.more = lambda _: time.sleep(1.5)
    said = tmp_path / "progress"
    child = os.fork()
    if child == 0:
        build(order, provider, trees, None)
        os._exit(0)
    wait_for(lambda: order.images.exists() and entries(order.images) != [])
    assert build(order, provider, trees, said)["built_now"] is False
    assert said.read_text() == "another build is at work here\n"
    os.waitpid(child, 0)


def test_what_the_archive_published_makes_another_version(
    options: dict[str, Any], provider: Tiny
) -> None:
    order = read_order({**options, "state": "latest"})
    first = look(order, provider).name
    assert look(order, provider).name == first
    provider.newest_state = "two"
    assert look(order, provider).name != first


def test_a_caller_that_is_not_root_is_told(
    order: Order, provider: Tiny, trees: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds.os, "geteuid", lambda: 1000)
    with pytest.raises(BuildError, match="built by root"):
        build(order, provider, trees, None)

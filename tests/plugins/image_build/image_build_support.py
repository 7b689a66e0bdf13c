"""Tiny systems in place of real ones: what is proved here is ours, not a distribution's."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from plugins.module_utils.image_build.provider import Kernel, Progress, Settings

KERNEL = "6.1.0-1-arm64"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJYVv1Y2NEU0NvZwKGgWRmqe9zZkB8nqUVcZ0QbBWnDn me"


def kernel_image() -> bytes:
    """The least that is an arm64 kernel: its header, with the magic at byte 56."""
    return struct.pack("<II6Q", 0, 0, 0, 0, 0, 0, 0, 0) + b"ARM\x64" + bytes(4096)


# ruff: noqa: ARG002 - a provider is handed more than a tiny one needs


class Tiny:
    """A provider of a root with a handful of files.

    Attributes:
        installed: how often it was asked to install.
        more: what else to do to the root.
    """

    def __init__(self) -> None:
        self.installed = 0
        self.newest_state = "one"
        self.more: Callable[[Path], None] = lambda _: None

    def programs(self) -> Mapping[str, str]:
        return {"tar": "tar"}

    def check(self, settings: Settings) -> None:
        pass

    def inputs(self, settings: Settings) -> Mapping[str, Any]:
        return dict(settings.options)

    def newest(self, settings: Settings) -> str:
        return self.newest_state

    def install(self, root: Path, settings: Settings, progress: Progress) -> None:
        progress.stage("install")
        files = {
            "etc/shadow": "root::19000:0:99999:7:::\nsshd:!:19000::::::\n",
            "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
            "etc/machine-id": "1234\n",
            "etc/munge/munge.key": "made while it was installed",
            "etc/ssh/ssh_host_rsa_key": "made while it was installed",
            "etc/ssh/sshd_config": "PermitRootLogin yes\n",
            "usr/lib/systemd/system/ssh.service": "[Install]\nWantedBy=multi-user.target\n",
            "usr/share/doc/a/copyright": "none",
            "usr/share/b": "b",
            "var/log/install.log": "a",
            "var/cache/thing": "a",
            f"usr/lib/dtb/{KERNEL}/broadcom/bcm2837-rpi-3-b-plus.dtb": "a device tree",
            f"usr/lib/modules/{KERNEL}/modules.dep": "",
            f"boot/config-{KERNEL}": "CONFIG_SQUASHFS_ZSTD=y\n",
        }
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            os.utime(path, (1_600_000_000, 1_600_000_000))
        (root / f"boot/vmlinuz-{KERNEL}").write_bytes(kernel_image())
        (root / "etc/resolv.conf").symlink_to("/run/resolv.conf")
        self.more(root)

    def packages(self, root: Path) -> Mapping[str, str]:
        return {"tiny": "1.0"}

    def kernel(self, root: Path) -> Kernel:
        return Kernel(KERNEL, root / f"boot/vmlinuz-{KERNEL}", root / f"usr/lib/dtb/{KERNEL}")

    def source(self, settings: Settings) -> Mapping[str, Any]:
        return {"archive": "none"}

    def clean(self, root: Path) -> None:
        pass


class Said:
    """Progress in memory: each stage, then counts."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []
        self.steps: list[tuple[int, str]] = []

    def stage(self, name: str, total: int = 0) -> None:
        self.stages.append((name, total))

    def step(self, done: int, what: str = "") -> None:
        self.steps.append((done, what))


def wait_for(what: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so; an assertion fails when it does not come."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)

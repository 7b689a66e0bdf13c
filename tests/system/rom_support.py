"""A head made of the real dhcpd and in.tftpd in its own namespace, joined to a rack by a bridge."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from twin.daemons import daemon
from twin.net import Namespace, bridge, unique, veth

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HEAD = "10.77.0.1"
#: Option 43 as dnsmasq and the Raspberry Pi documentation give it.
PXE_MENU = "06:01:03:0a:04:00:50:58:45:09:14:00:00:11" + "".join(
    f":{byte:02x}" for byte in b"Raspberry Pi Boot"
) + ":ff"  # fmt: skip


def missing() -> str:
    """Why these tests cannot run here; empty when they can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [name for name in ("dhcpd", "in.tftpd") if daemon(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def mac(number: int) -> str:
    return f"b8:27:eb:7e:{number >> 8:02x}:{number & 255:02x}"


def serial(number: int) -> str:
    return f"007e{number:04x}"


def address(number: int) -> str:
    return f"10.77.{1 + number // 200}.{1 + number % 200}"


def pinned(count: int) -> str:
    """Host reservations for boards 0 to count-1."""
    hosts = (
        f"host rom{n} {{ hardware ethernet {mac(n)}; fixed-address {address(n)}; }}"
        for n in range(count)
    )
    return "deny unknown-clients;\n" + "\n".join(hosts)


def boot_tree(folder: Path, *, kernel_size: int = 300_000, initramfs_size: int = 120_000) -> None:
    """Small, valid boot files in a shared root."""
    noise = random.Random(7).randbytes
    tree = b"\xd0\x0d\xfe\xed" + (9000).to_bytes(4, "big") + noise(8992)
    files = {
        "bootcode.bin": noise(52_480),
        "start.elf": b"\x7fELF" + noise(100_000),
        "fixup.dat": noise(7_000),
        "config.txt": b"arm_64bit=1\nkernel=kernel8.img\ninitramfs initramfs8 followkernel\n",
        "cmdline.txt": b"root=/dev/nfs ro\n",
        "bcm2710-rpi-3-b-plus.dtb": tree,
        "overlays/overlay_map.dtb": tree,
        "kernel8.img": zlib.compress(noise(10), wbits=31).ljust(kernel_size, b"\0"),
        "initramfs8": zlib.compress(noise(10), wbits=31).ljust(initramfs_size, b"\0"),
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_files(folder: Path) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every file below a folder, by relative name."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@dataclass
class Lab:
    """A head namespace with daemons, and a rack namespace with the boards' interface ``roms``."""

    head: Namespace
    rack: Namespace
    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def tftp_root(self) -> Path:
        return self.folder / "tftp"

    @property
    def dhcpd_log(self) -> str:
        return (self.folder / "dhcpd.log").read_text()

    def start(self, args: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as output:
            process = self.head.popen(args, stdout=output, stderr=output)
        self.started.append(process)
        return process

    def dhcpd(self, body: str, *, menu: bool = True, extra: str = "") -> None:
        """Start dhcpd; ``body`` goes into the subnet's scope or holds hosts."""
        option_43 = f"option vendor-encapsulated-options {PXE_MENU};" if menu else ""
        config = self.folder / "dhcpd.conf"
        config.write_text(
            f"authoritative;\nping-check off;\nddns-update-style none;\n{extra}\n{option_43}\n"
            f'next-server {HEAD};\noption tftp-server-name "{HEAD}";\n'
            f"subnet 10.77.0.0 netmask 255.255.0.0 {{\n{body}\n}}\n"
        )
        leases = self.folder / "dhcpd.leases"
        leases.touch()
        args = ["-4", "-f", "-d", "-cf", str(config), "-lf", str(leases)]
        process = self.start(
            [str(daemon("dhcpd")), *args, "-pf", str(self.folder / "dhcpd.pid"), "boot0"],
            "dhcpd.log",
        )
        self._wait(process, lambda: "Server starting service" in self.dhcpd_log)

    def tftpd(self) -> None:
        """Start in.tftpd, standing alone, jailed to the boot files."""
        args = ["-L", "-u", "root", "--verbose", "--address", f"{HEAD}:69", "--secure"]
        process = self.start([str(daemon("in.tftpd")), *args, str(self.tftp_root)], "tftpd.log")
        self._wait(process, lambda: ":69 " in self.head.run(["ss", "-uln"]))

    def _wait(self, process: subprocess.Popen[bytes], ready) -> None:
        end = time.monotonic() + 10
        while not ready():
            assert process.poll() is None, self.dhcpd_log
            assert time.monotonic() < end, "daemon not ready after 10 s"
            time.sleep(0.05)

    def roms(self, *args: str) -> subprocess.Popen[bytes]:
        """Start ``python -m twin.rom`` on the boards' interface; read it with :meth:`result`."""
        path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        command = [sys.executable, "-m", "twin.rom", "--interface", "roms", "--quiet"]
        process = self.rack.popen(
            [*command, "--json", str(self.folder / "result.json"), *args],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
        )
        self.started.append(process)
        return process

    def result(self, process: subprocess.Popen[bytes], *, timeout_s: float = 120) -> dict:
        """What the boards report, with their exit status under ``status``."""
        status = process.wait(timeout_s)
        return {**json.loads((self.folder / "result.json").read_text()), "status": status}

    def registry(self, banks: list[list[int]]) -> str:
        """Write a registry of these boards, bank by bank; give its path."""
        rows = [
            f"{bank},{slot},{mac(number)},{serial(number)}"
            for bank, numbers in enumerate(banks, start=1)
            for slot, number in enumerate(numbers, start=1)
        ]
        path = self.folder / "macs.csv"
        path.write_text("bank,slot,mac,serial\n" + "\n".join(rows) + "\n")
        return str(path)

    def stop(self) -> None:
        for process in self.started:
            process.terminate()
        for process in self.started:
            process.wait(10)


@contextlib.contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """A rack and a head joined by a bridge; everything is gone afterwards."""
    with Namespace(unique("rom-rack")) as board_ns, Namespace(unique("rom-head")) as head:
        veth("uplink", board_ns, "boot0", head)
        veth("port", board_ns, "roms", board_ns)
        bridge(board_ns, "sw", ["uplink", "port"])
        head.address("boot0", f"{HEAD}/16")
        (folder / "tftp").mkdir()
        made = Lab(head, board_ns, folder)
        try:
            yield made
        finally:
            made.stop()

"""What others do: Debian's own initramfs over NFS, and a whole image loaded into memory."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.bench.images import VERSIONS
from twin.machine import Kind, Machine, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.images import Bench

_TFTP = "/srv/picluster/tftp"
_STOCK = "/srv/picluster/export/stock"
_OTHER = f"{_TFTP}/images/other"
_LOGIN_S = 600.0
_BUILD_S = 3600.0
#: What our image has too, with Debian's initramfs-tools, which takes every driver there is.
_PACKAGES = (
    "systemd-sysv,udev,dbus,openssh-server,python3,iproute2,procps,kmod,initramfs-tools,"
    "linux-image-arm64,systemd-timesyncd"
)
_CONFIG = """arm_64bit=1
upstream_kernel=1
enable_uart=1
{memory}kernel=kernel8.img
initramfs initramfs8 followkernel
"""


def boot_stock(bench: Bench) -> float:
    """Boot a stock Debian from the network; gives all bytes to the login prompt, in 10^6."""
    # A container that ends takes the emulation from the kernel that it shares. The initramfs is
    # made once, by the kernel's package: under emulation that takes minutes.
    script = f"""set -eu
cd /proc/sys/fs/binfmt_misc
mountpoint -q . || mount -t binfmt_misc binfmt_misc .
test -e qemu-aarch64 || cat /usr/lib/binfmt.d/qemu-aarch64.conf > register
rm -rf {_STOCK} {_OTHER}
mmdebstrap --quiet --mode=root --variant=minbase --architectures=arm64 \\
  --essential-hook='mkdir -p "$1/etc/initramfs-tools"' \\
  --essential-hook='echo update_initramfs=no >"$1/etc/initramfs-tools/update-initramfs.conf"' \\
  --dpkgopt=force-confold --include={_PACKAGES} bookworm {_STOCK} /etc/apt/sources.list
mkdir {_OTHER}
cp -L {_TFTP}/boot/bootcode.bin {_TFTP}/boot/start.elf {_TFTP}/boot/fixup.dat \\
  {_TFTP}/boot/bcm2837-rpi-3-b-plus.dtb {_OTHER}
cp {_STOCK}/boot/vmlinuz-* {_OTHER}/kernel8.img
cp {_STOCK}/boot/initrd.img-* {_OTHER}/initramfs8
"""
    cmdline = (
        f"root=/dev/nfs nfsroot={_server(bench)}:{_STOCK},vers=3,nolock ro ip=::::::dhcp "
        "console=ttyS1,115200 net.ifnames=0"
    )
    return _boot(bench, script, cmdline, memory="")


def boot_in_memory(bench: Bench, version: str) -> float:
    """Boot with our whole root as the initramfs; gives all bytes to the login prompt, in 10^6."""
    script = f"""set -eu
rm -rf {_OTHER}
cp -rL {_TFTP}/images/{version} {_OTHER}
cd {VERSIONS}/{version}/root
find . -print0 | cpio --null --quiet -o -H newc | gzip -6 >{_OTHER}/initramfs8
"""
    cmdline = "rdinit=/sbin/init console=ttyS1,115200 net.ifnames=0"
    return _boot(bench, script, cmdline, memory="gpu_mem=16\n")


def _boot(bench: Bench, script: str, cmdline: str, *, memory: str) -> float:
    files = {"config.txt": _CONFIG.format(memory=memory), "cmdline.txt": f"{cmdline}\n"}
    for name, text in files.items():
        script += f"printf %s {shlex.quote(text)} >{_OTHER}/{name}\n"
    bench.head.exec(["apt-get", "-qq", "install", "-y", "cpio"], timeout_s=_BUILD_S)
    bench.head.exec(["sh", "-c", script], timeout_s=_BUILD_S)
    with _served(bench):
        boot = fetch(bench.rack, bench.node, bench.folder / "tftp")
        with Machine(bench.rack, bench.node, boot, Kind.VIRT) as machine:
            machine.console.wait(r"login:", _LOGIN_S)
            received, _ = machine.network_bytes()
    return (boot.tftp_bytes + received) / 1e6


@contextmanager
def _served(bench: Bench) -> Iterator[None]:
    """Let the board boot the other files for the block."""
    link = f"{_TFTP}/nodes/{bench.node.address}"
    before = bench.head.exec(["readlink", link]).strip()
    bench.head.exec(["ln", "-sfn", "../images/other", link])
    try:
        yield
    finally:
        bench.head.exec(["ln", "-sfn", before, link])


def _server(bench: Bench) -> str:
    return bench.head.exec(
        ["sh", "-c", "ip -4 -o addr show eth1 | sed 's/.*inet //; s#/.*##'"]
    ).strip()

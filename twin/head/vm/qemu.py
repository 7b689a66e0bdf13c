"""The QEMU process of a head machine, in the head's network namespace."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from typing import TYPE_CHECKING

from twin.net import bridge

if TYPE_CHECKING:
    from twin.head.vm.disk import Disk
    from twin.net import Namespace

#: No machine outlives this; seconds.
LIFE_S = 10800
#: Where its ssh server is, on the loopback address of its namespace.
SSH_PORT = 2222
MEMORY_MIB = 2048
_CMDLINE = "console=ttyS0 quiet net.ifnames=0 mitigations=off panic=5 systemd.show_status=0"
#: On a busy machine everything in it takes long, and nothing is broken for that.
_PATIENCE = "systemd.default_timeout_start_sec=600 systemd.default_device_timeout_sec=600"
#: Any other clock is a device, and each look at it leaves the emulated processor. A timer that is
#: late because the machine is busy works all the same.
_CLOCK = "tsc=reliable clocksource=tsc no_timer_check"
#: Interface of the namespace that leads to the rack, and the machine's end of it.
RACK, _TAP, _BRIDGE = "rack0", "tap1", "br1"


def plug(namespace: Namespace) -> None:
    """Join the rack's interface and a tap for the machine by a bridge."""
    namespace.run(["ip", "tuntap", "add", "dev", _TAP, "mode", "tap"])
    bridge(namespace, _BRIDGE, [RACK, _TAP])


def start(namespace: Namespace, disk: Disk, *, plugged: bool) -> subprocess.Popen[bytes]:
    """Start the machine; its console is the process's standard output."""
    words = ["timeout", "--kill-after=5", str(LIFE_S), "qemu-system-x86_64", "-nodefaults"]
    # A plain processor: what newer ones have besides costs more emulated than it saves.
    words += ["-M", "q35,hpet=off", "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2"]
    words += ["-m", str(MEMORY_MIB), "-display", "none", "-no-reboot", "-serial", "stdio"]
    words += ["-kernel", str(disk.kernel), "-initrd", str(disk.initramfs)]
    words += ["-append", f"{_CMDLINE} {_PATIENCE} {_CLOCK}"]
    drive = f"file={disk.image},format=raw,if=none,id=disk,cache=unsafe,discard=unmap"
    words += ["-drive", drive, "-device", "virtio-blk-pci,drive=disk"]
    words += ["-device", "virtio-rng-pci"]
    words += ["-netdev", f"user,id=out,hostfwd=tcp:127.0.0.1:{SSH_PORT}-:22"]
    words += ["-device", "virtio-net-pci,netdev=out,romfile="]
    if plugged:
        words += ["-netdev", f"tap,id=rack,ifname={_TAP},script=no,downscript=no"]
        words += ["-device", "virtio-net-pci,netdev=rack,mac=52:54:00:12:34:99,romfile="]
    return namespace.popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Cut its power."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)

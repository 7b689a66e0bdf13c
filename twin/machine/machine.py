"""A QEMU machine in a slot of the rack, with the board's MAC address."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from picluster.errors import refusal
from twin.machine.console import Console
from twin.net import attach

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from picluster.plan.model import Node
    from twin.machine.files import BootFiles
    from twin.rack import Rack

#: No machine outlives this, whatever becomes of its owner; seconds.
LIFE_S = 1800
#: Memory of a 3B+, MiB.
BOARD_MIB = 1024


class Kind(StrEnum):
    """What QEMU plays."""

    VIRT = "virt"  # quick; virtio network, QEMU's own device tree
    RASPI3B = "raspi3b"  # the 3B+ device tree and a USB network adapter; correct, not quick


class Machine:
    """One board; a context manager that cuts its power on leaving.

    Args:
        rack: the rack, up, with the node's bank.
        node: whose slot and MAC address it has.
        files: what its boot ROM fetched; ``console.log`` is written beside them.
        kind: what QEMU plays.
        memory_mib: memory of a ``virt`` machine; ``raspi3b`` has that of a board.
        arguments: more words of the kernel command line, behind those of the head.
        echo: takes the console's text as it comes.

    Raises:
        PiclusterError: QEMU is not installed.
    """

    def __init__(
        self,
        rack: Rack,
        node: Node,
        files: BootFiles,
        kind: Kind,
        *,
        memory_mib: int = BOARD_MIB,
        arguments: str = "",
        echo: Callable[[str], object] | None = None,
    ) -> None:
        self.rack = rack
        self.node = node
        self.files = files
        self.kind = kind
        self.memory_mib = BOARD_MIB if kind is Kind.RASPI3B else memory_mib
        self.arguments = arguments
        self._echo = echo
        self._process: subprocess.Popen[bytes] | None = None
        self._console: Console | None = None

    @property
    def interface(self) -> str:
        """Its tap in the rack's namespace: at most 15 bytes, whatever the bank and slot."""
        return f"t{self.node.bank.number}-{self.node.slot}"

    @property
    def console(self) -> Console:
        """The console since power came on last.

        Raises:
            PiclusterError: it never had power.
        """
        if self._console is None:
            raise refusal(f"{self.node.name} never had power", "call power_on first")
        return self._console

    @property
    def running(self) -> bool:
        """Whether it has power; ``raspi3b`` keeps running after a halt."""
        return self._process is not None and self._process.poll() is None

    def power_on(self) -> None:
        """Plug it into its bank's switch and start it; one that runs is refused."""
        if shutil.which("qemu-system-aarch64") is None:
            raise refusal("qemu-system-aarch64 is not installed", "apt-get install qemu-system-arm")
        if self.running:
            raise refusal(f"{self.node.name} has power already")
        namespace = self.rack.namespace
        with contextlib.suppress(ValueError):
            namespace.run(["ip", "link", "delete", self.interface])
        namespace.run(["ip", "tuntap", "add", "dev", self.interface, "mode", "tap"])
        attach(namespace, self.interface, f"bank{self.node.bank.number}")
        self._process = namespace.popen(
            ["timeout", "--kill-after=5", str(LIFE_S), *self._command()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        log = self.files.folder / "console.log"
        self._console = Console(self._process.stdout, log, echo=self._echo)

    def power_off(self) -> None:
        """Cut the power; twice is fine."""
        process = self._process
        if process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(sign)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    # Longer than the time limit around it waits before it kills.
                    process.wait(10)
        if self._console is not None:
            self._console.join()
        if process.stdout is not None:
            process.stdout.close()
        self._process = None
        with contextlib.suppress(ValueError):
            self.rack.namespace.run(["ip", "link", "delete", self.interface])

    def network_bytes(self) -> tuple[int, int]:
        """Bytes that went to the board and came from it since power came on, frames whole."""
        text = self.rack.namespace.run(["ip", "-json", "-s", "link", "show", self.interface])
        (link,) = json.loads(text)
        stats = link["stats64"]
        return int(stats["tx"]["bytes"]), int(stats["rx"]["bytes"])

    def _command(self) -> list[str]:
        mac, files = str(self.node.mac), self.files
        words = ["qemu-system-aarch64", "-nodefaults", "-display", "none", "-no-reboot"]
        words += ["-m", str(self.memory_mib), "-kernel", str(files.kernel)]
        if files.initramfs is not None:
            words += ["-initrd", str(files.initramfs)]
        tap = f"tap,id=lan,ifname={self.interface},script=no,downscript=no"
        words += ["-netdev", tap]
        append = f"{files.cmdline} {self.arguments}".strip()
        if self.kind is Kind.RASPI3B:
            # The first port is the PL011, which Bluetooth has; the console is the second one.
            words += ["-M", "raspi3b", "-dtb", str(files.device_tree), "-serial", "null"]
            words += ["-serial", "stdio", "-device", f"usb-net,netdev=lan,mac={mac}"]
            return [*words, "-append", append]
        words += ["-M", "virt", "-cpu", "cortex-a53", "-smp", "1", "-serial", "stdio"]
        words += ["-device", f"virtio-net-pci,netdev=lan,mac={mac},romfile="]
        words += ["-device", "virtio-rng-pci"]
        # The console of this machine is another than a board's.
        return [*words, "-append", f"{append} console=ttyAMA0"]

    def __enter__(self) -> Self:
        self.power_on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.power_off()

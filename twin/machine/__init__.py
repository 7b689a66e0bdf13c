"""Boards whose kernel really runs: QEMU starts exactly the bytes the boot ROM fetched.

::

    files = fetch(rack, node, folder)  # the boot ROM, by DHCP and TFTP, from the head
    with Machine(rack, node, files, Kind.VIRT) as machine:
        machine.console.wait(r"login:", timeout_s=120)

Nobody emulates the silicon ROM and the firmware: between the last file and the kernel's first
instruction stands QEMU's own loader.
"""

from __future__ import annotations

from twin.machine.console import Console
from twin.machine.files import BootFiles, fetch
from twin.machine.machine import Kind, Machine

__all__ = ["BootFiles", "Console", "Kind", "Machine", "fetch"]

"""How far a board came."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The stages of a boot, in order.

    Attributes:
        rank: place in the order, ``off`` is 0.
    """

    rank: int

    OFF = "off"  # no power
    POWERED = "powered"  # its outlet is on, nothing was heard of it
    DHCP = "dhcp"  # the boot ROM asks for an address
    TFTP = "tftp"  # it loads the firmware, the kernel and the initramfs
    KERNEL = "kernel"  # Linux runs and has an address
    NFS = "nfs"  # its root file system is mounted
    UP = "up"  # the system runs, ssh included
    READY = "ready"  # it said so itself


for _rank, _stage in enumerate(Stage):
    _stage.rank = _rank

"""What a simulated cluster is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from twin.virtual.heat import Climate


@dataclass(frozen=True, slots=True)
class Hardware:
    """Rates, sizes and waiting times; those of the boot ROM are in :mod:`twin.rom.timing`.

    Attributes:
        link_mbit: rate of the boot server's link.
        board_mbit: the most a board takes: 300 at best, 35 without flow control.
        firmware_mb: bootcode.bin, start_cd.elf and fixup_cd.dat, 10^6 bytes.
        initramfs_mb: the initramfs.
        kernel_mb: the kernel, packed.
        root_mb: read over NFS from the mount to the ready message.
        kernel_s: from the kernel's first instruction to its address.
        system_s: what the processor needs from the mounted root to ready.
        heartbeat_s: between two messages of a ready board.
        order_s: what a PDU takes to switch and verify.
        pdu_timeout_s: until a PDU that does not answer is given up.
        climate: see :class:`twin.virtual.heat.Climate`.
        alone: banks whose boards have outlets of their own (PoE).
    """

    link_mbit: float = 1000.0
    board_mbit: float = 100.0
    firmware_mb: float = 0.9
    initramfs_mb: float = 9.0
    kernel_mb: float = 11.3
    root_mb: float = 27.0
    kernel_s: float = 4.0
    system_s: float = 16.0
    heartbeat_s: float = 60.0
    order_s: float = 2.0
    pdu_timeout_s: float = 20.0
    climate: Climate = field(default_factory=Climate)
    alone: frozenset[int] = frozenset()

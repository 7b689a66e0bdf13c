"""A Debian 12 head in an x86_64 machine: its own kernel, so also that kernel's NFS server.

It is slow (no hardware virtualisation is needed), and does what a container cannot: sysctl limits,
clock, packet filter and kernel modules are really its own. Its disk holds the same Debian as the
container's image, with a kernel and an initramfs that starts nothing but that disk.
"""

from __future__ import annotations

from twin.head.vm.head import PLAY_S, MachineHead

__all__ = ["PLAY_S", "MachineHead"]

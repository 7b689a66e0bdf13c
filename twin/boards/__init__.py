"""Boards that boot for real as far as one kernel goes, behind power that is switched.

A board is a boot ROM (:mod:`twin.rom`) on its bank's switch; when that has everything, it becomes a
machine of its own: network, mounts, processes and clock in namespaces, the initramfs functions and
the programs of the node image, an overlay root, a real sshd.
"""

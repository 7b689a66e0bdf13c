"""Raw sockets on one interface that see the boards' frames only."""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import TYPE_CHECKING

from picluster.errors import refusal, shown
from twin.rom.frames import ETHERTYPE_ARP, ETHERTYPE_IP

if TYPE_CHECKING:
    from collections.abc import Iterable

_SO_ATTACH_FILTER = 26
_SO_RCVBUFFORCE = 33
_SOL_PACKET = 263
_PACKET_ADD_MEMBERSHIP = 1
_PACKET_STATISTICS = 6
_PACKET_QDISC_BYPASS = 20
_PACKET_MR_PROMISC = 1
_RECEIVE_BUFFER = 64 << 20
# Classic BPF operations (linux/bpf_common.h).
_LD_W, _LD_H, _LD_B = 0x20, 0x28, 0x30
_JEQ, _JSET, _RSH, _RET = 0x15, 0x45, 0x74, 0x06
Instruction = tuple[int, int, int, int]


def ip_filter(ouis: Iterable[int]) -> list[Instruction]:
    """The program that passes whole UDP datagrams to everybody or to these OUIs.

    It runs in the kernel, so that frames for others never wake the event loop.

    Args:
        ouis: first three octets of the boards' MAC addresses, as numbers; at most 200.
    """
    prefixes = sorted(set(ouis))
    drop = len(prefixes) + 9  # index of the last instruction but one, counted from 0
    program: list[Instruction] = [
        (_LD_B, 0, 0, 14),
        (_JEQ, 0, drop - 2, 0x45),  # IPv4 without options
        (_LD_B, 0, 0, 23),
        (_JEQ, 0, drop - 4, 17),  # UDP
        (_LD_H, 0, 0, 20),
        (_JSET, drop - 6, 0, 0x3FFF),  # a fragment
        (_LD_W, 0, 0, 0),
        (_JEQ, drop - 7, 0, 0xFFFFFFFF),  # to everybody
        (_RSH, 0, 0, 8),
    ]
    program += [(_JEQ, drop - 9 - i, 0, oui) for i, oui in enumerate(prefixes)]
    return [*program, (_RET, 0, 0, 0), (_RET, 0, 0, 0xFFFF)]


def open_ip(interface: str, macs: Iterable[bytes]) -> socket.socket:
    """A non-blocking socket for the UDP datagrams of these boards (6-byte MAC addresses).

    Raises:
        PiclusterError: no such interface, or not root.
    """
    program = ip_filter(int.from_bytes(mac[:3], "big") for mac in macs)
    return _open(interface, ETHERTYPE_IP, program)


def open_arp(interface: str) -> socket.socket:
    """A non-blocking socket for ARP.

    Raises:
        PiclusterError: no such interface, or not root.
    """
    return _open(interface, ETHERTYPE_ARP, None)


def dropped(sock: socket.socket) -> int:
    """Frames lost since the last call because the event loop was too slow to take them."""
    statistics = sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
    return int(struct.unpack("II", statistics)[1])


def _open(interface: str, ethertype: int, program: list[Instruction] | None) -> socket.socket:
    try:
        index = socket.if_nametoindex(interface)
        # Protocol 0: nothing is queued before the filter is there and the socket is bound.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError as error:
        raise refusal("raw sockets are for root", "run as root") from error
    except OSError as error:
        raise refusal(f"no interface {shown(interface)}", "see: ip link") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        sock.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        request = struct.pack("iHH8s", index, _PACKET_MR_PROMISC, 0, b"")
        sock.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, request)
        if program is not None:
            _attach(sock, program)
        sock.setblocking(False)
        sock.bind((interface, ethertype))
    except OSError as error:
        sock.close()
        raise refusal(f"cannot listen on {shown(interface)}: {error}") from error
    return sock


def _attach(sock: socket.socket, program: list[Instruction]) -> None:
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a length and a pointer to the instructions.
    header = struct.pack("HL", len(program), ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)

#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask on one interface which DHCP servers answer there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dhcp_probe
short_description: Find the DHCP servers that answer on an interface
description:
  - Broadcasts DHCPDISCOVER messages on one interface from a locally administered MAC address
    and returns every server that makes an offer. Nothing is requested, so no lease is bound.
  - The interface needs no address. One that is down is taken up for the time of the probe, and
    down again.
  - A server that knows none but its own pinned boards keeps silent and is not found.
options:
  interface:
    description: The interface to ask on, such as V(eth1).
    type: str
    required: true
  ignore:
    description: Server addresses that are expected, such as the machine's own.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to ask and listen on a link that is up. One DISCOVER is sent per second.
    type: float
    default: 4
  link_timeout:
    description:
      - Seconds to ask and listen when the link had to be taken up. A switch port with spanning
        tree lets nothing through for its first 30 seconds.
    type: float
    default: 35
author: The picluster authors
notes:
  - Needs root for a raw socket, and Linux.
  - In check mode a link that is down stays down, and RV(probed) is false.
attributes:
  check_mode:
    description: Asks as well, but changes no link.
    support: full
  diff_mode:
    description: Nothing is changed.
    support: none
"""

EXAMPLES = r"""
- name: Ask who serves DHCP on the boot interface
  dhcp_probe:
    interface: eth1
    ignore: [172.20.0.10]
  register: probe

- name: Refuse a wire that has another server
  ansible.builtin.assert:
    that: probe.servers == []
"""

RETURN = r"""
servers:
  description: Servers that made an offer and are not in O(ignore), by address.
  type: list
  elements: dict
  returned: always
  contains:
    address:
      description: The server identifier of the offer, or the sender's address when it had none.
      type: str
    mac:
      description: The MAC address the offer came from, a relay's when there is one.
      type: str
  sample: [{address: 192.168.1.1, mac: "52:54:00:12:34:56"}]
probed:
  description: Whether anything could be asked; false when the link is down.
  type: bool
  returned: always
reason:
  description: Why nothing could be asked; empty when it was.
  type: str
  returned: always
"""

import fcntl
import select
import socket
import struct
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ansible.module_utils.basic import AnsibleModule

if TYPE_CHECKING:
    from collections.abc import Iterator

ETH_P_ALL, ETH_P_IP = 0x0003, 0x0800
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
BROADCAST_FLAG = 0x8000
COOKIE = b"\x63\x82\x53\x63"
OPTION_PAD, OPTION_TYPE, OPTION_SERVER, OPTION_END = 0, 53, 54, 255
DISCOVER, OFFER = 1, 2


class Server(NamedTuple):
    """A DHCP server: its address and the MAC address its offer came from."""

    address: str
    mac: str


def checksum(data: bytes) -> int:
    """Give the Internet checksum of RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def probe_mac(own: bytes) -> bytes:
    """Derive the client's MAC address: locally administered, unicast, the same on every run.

    A server with a pool thus holds back one address for the probe, not one per run.
    """
    return bytes([(own[0] | 0x02) & 0xFE ^ 0x40]) + own[1:]


def discover_frame(mac: bytes, xid: int) -> bytes:
    """Build the Ethernet frame of a DHCPDISCOVER that asks for broadcast answers."""
    bootp = struct.pack(
        "!4BIHH16x16s192x", 1, 1, 6, 0, xid, 0, BROADCAST_FLAG, mac.ljust(16, b"\0")
    )
    options = COOKIE + bytes([OPTION_TYPE, 1, DISCOVER, 55, 2, 1, OPTION_SERVER, OPTION_END])
    payload = (bootp + options).ljust(300, b"\0")
    source, target = bytes(4), b"\xff" * 4
    length = 8 + len(payload)
    udp = struct.pack("!4H", 68, 67, length, 0) + payload
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_UDP, length)
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, socket.IPPROTO_UDP, 0)
    header += source + target
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return b"\xff" * 6 + mac + struct.pack("!H", ETH_P_IP) + header + udp


def dhcp_options(data: bytes) -> dict[int, bytes]:
    """Read DHCP options strictly: a cut option ends the reading, the first of a code counts."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at] != OPTION_END:
        if data[at] == OPTION_PAD:
            at += 1
            continue
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            break
        found.setdefault(data[at], data[at + 2 : at + 2 + data[at + 1]])
        at += 2 + data[at + 1]
    return found


def offer_from(frame: bytes, mac: bytes, xid: int) -> Server | None:
    """Give the server of an Ethernet frame that offers this client an address, else nothing."""
    if len(frame) < 14 + 20 + 8 + 240 or frame[12:14] != struct.pack("!H", ETH_P_IP):
        return None
    packet = frame[14:]
    header = (packet[0] & 0x0F) * 4
    if packet[0] >> 4 != 4 or header < 20 or packet[9] != socket.IPPROTO_UDP:
        return None
    udp = packet[header:]
    bootp = udp[8:]
    if len(bootp) < 240 or udp[2:4] != struct.pack("!H", 68) or bootp[0] != 2:
        return None
    if bootp[4:8] != struct.pack("!I", xid) or bootp[28:34] != mac or bootp[236:240] != COOKIE:
        return None
    options = dhcp_options(bootp[240:])
    if options.get(OPTION_TYPE) != bytes([OFFER]):
        return None
    named = options.get(OPTION_SERVER, b"")
    address = named if len(named) == 4 else packet[12:16]
    return Server(socket.inet_ntoa(address), frame[6:12].hex(":"))


def link_flags(interface: str) -> int:
    """Read the flags of an interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = struct.pack("16sh14x", interface.encode(), 0)
        answer: bytes = fcntl.ioctl(control, SIOCGIFFLAGS, asked)
    flags: int = struct.unpack("16sh14x", answer)[1]
    return flags


def set_link_up(interface: str, up: bool) -> None:
    """Take an interface up or down."""
    flags = link_flags(interface)
    flags = flags | IFF_UP if up else flags & ~IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", interface.encode(), flags))


@contextmanager
def link_up(interface: str) -> Iterator[None]:
    """Hold a link up for the block and put it back as it was."""
    was_up = link_flags(interface) & IFF_UP
    if not was_up:
        set_link_up(interface, True)
    try:
        yield
    finally:
        if not was_up:
            set_link_up(interface, False)


def ask(interface: str, own: bytes, seconds: float) -> set[Server]:
    """Send one DISCOVER a second and gather the offers for so many seconds."""
    mac = probe_mac(own)
    xid = int.from_bytes(mac[2:], "big")
    frame = discover_frame(mac, xid)
    found: set[Server] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as raw:
        raw.bind((interface, ETH_P_ALL))
        index = socket.if_nametoindex(interface)
        # A server may answer the asked MAC address directly, and that is not the interface's own.
        raw.setsockopt(
            SOL_PACKET,
            PACKET_ADD_MEMBERSHIP,
            struct.pack("IHH8s", index, PACKET_MR_PROMISC, 0, b""),
        )
        start = time.monotonic()
        sent = 0
        while (now := time.monotonic() - start) < seconds:
            if now >= sent:
                raw.send(frame)
                sent += 1
            if select.select([raw], [], [], min(0.2, seconds - now))[0]:
                server = offer_from(raw.recv(65535), mac, xid)
                if server:
                    found.add(server)
    return found


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "interface": {"type": "str", "required": True},
            "ignore": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "float", "default": 4},
            "link_timeout": {"type": "float", "default": 35},
        },
        supports_check_mode=True,
    )
    interface = module.params["interface"]
    try:
        own = bytes.fromhex(
            Path("/sys/class/net", interface, "address").read_text().strip().replace(":", "")
        )
        is_up = bool(link_flags(interface) & IFF_UP)
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"interface {interface}: {error}; name an Ethernet interface")
    if not is_up and module.check_mode:
        module.exit_json(changed=False, servers=[], probed=False, reason=f"{interface} is down")
    seconds = module.params["timeout" if is_up else "link_timeout"]
    try:
        with link_up(interface):
            found = ask(interface, own, seconds)
    except OSError as error:
        module.fail_json(msg=f"cannot ask on {interface}: {error}; this needs root")
    servers = sorted(server for server in found if server.address not in module.params["ignore"])
    module.exit_json(
        changed=False, probed=True, reason="", servers=[server._asdict() for server in servers]
    )


if __name__ == "__main__":
    main()

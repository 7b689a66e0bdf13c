"""IPv4 addresses as integers inside, dotted quads at the edge.

netaddr reads and checks what people write; a plan of 65,000 nodes is arithmetic on ``int``.
"""

from __future__ import annotations

from dataclasses import dataclass

from netaddr import INET_PTON, AddrFormatError, IPAddress, IPNetwork

from picluster.errors import shown


@dataclass(frozen=True, slots=True)
class Ipv4Block:
    """A block of IPv4 addresses.

    Attributes:
        first: its first address (the network's, in a subnet), as an integer.
        prefix: prefix length, 0 to 32.
    """

    first: int
    prefix: int

    @property
    def size(self) -> int:
        """Number of addresses."""
        return 1 << (32 - self.prefix)

    @property
    def last(self) -> int:
        """Its last address (the broadcast address, in a subnet)."""
        return self.first + self.size - 1

    @property
    def netmask(self) -> str:
        """Dotted netmask."""
        return dotted((0xFFFFFFFF << (32 - self.prefix)) & 0xFFFFFFFF)

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.first <= address <= self.last

    def __str__(self) -> str:
        return f"{dotted(self.first)}/{self.prefix}"


def dotted(address: int) -> str:
    """An integer as a dotted quad."""
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def parse_address(text: str) -> int:
    """Read a dotted quad.

    Raises:
        ValueError: not four decimal octets of 0 to 255, written without leading zeros.
    """
    try:
        address = int(IPAddress(text, version=4, flags=INET_PTON))
    except (AddrFormatError, ValueError) as error:
        raise ValueError(f"not an IPv4 address: {shown(text)}") from error
    if dotted(address) != text:  # leading zeros, blanks, other scripts' digits
        raise ValueError(f"not an IPv4 address: {shown(text)} ({dotted(address)}?)")
    return address


def parse_block(text: str) -> Ipv4Block:
    """Read a network in CIDR notation.

    Raises:
        ValueError: not a network, or one with host bits set; the message names the right one.
    """
    try:
        network = IPNetwork(text, version=4)
    except (AddrFormatError, ValueError) as error:
        raise ValueError(f"not an IPv4 network: {shown(text)}") from error
    if network.ip != network.network:
        raise ValueError(f"{text} has host bits set: {network.cidr} is the network")
    block = Ipv4Block(int(network.network), network.prefixlen)
    if str(block) != text:
        raise ValueError(f"not an IPv4 network: {shown(text)} ({block}?)")
    return block

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picluster.net import Ipv4Block, dotted, parse_address, parse_block


@given(st.integers(0, (1 << 32) - 1))
def test_addresses_agree_with_the_standard_library(number: int) -> None:
    text = str(ipaddress.IPv4Address(number))
    assert dotted(number) == text
    assert parse_address(text) == number


@given(st.integers(0, (1 << 32) - 1), st.integers(0, 32))
def test_blocks_agree_with_the_standard_library(number: int, prefix: int) -> None:
    network = ipaddress.IPv4Network((number, prefix), strict=False)
    block = parse_block(str(network))
    assert block == Ipv4Block(int(network.network_address), prefix)
    assert str(block) == str(network)
    assert (block.size, block.last) == (network.num_addresses, int(network.broadcast_address))
    assert block.netmask == str(network.netmask)
    assert number in block
    assert (block.first - 1) not in block
    assert (block.last + 1) not in block
    assert dotted(block.first) not in block


@pytest.mark.parametrize(
    "text",
    ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "0x1.2.3.4", "1.2.3.4/8", "::1", "1.2.3.4\n",
     " 1.2.3.4", "01.2.3.4", "1.2.3.04", "\u0661.2.3.4", "1.2.3.-4", "a.b.c.d"],
)  # fmt: skip
def test_only_canonical_dotted_quads_are_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="not an IPv4 address") as refused:
        parse_address(text)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "text",
    ["", "10.0.0.0", "10.0.0.0/33", "10/8", "10.0.0.0/255.0.0.0", "10.0.0.0/8\n", "010.0.0.0/8",
     "10.0.0.0/08", "fe80::/64", "10.0.0.0/-1"],
)  # fmt: skip
def test_only_cidr_notation_is_a_block(text: str) -> None:
    with pytest.raises(ValueError, match="not an IPv4 network"):
        parse_block(text)


def test_host_bits_are_named_with_the_right_network() -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is compared whole
        parse_block("172.20.3.0/16")
    assert str(refused.value) == ("172.20.3.0/16 has host bits set: 172.20.0.0/16 is the network")

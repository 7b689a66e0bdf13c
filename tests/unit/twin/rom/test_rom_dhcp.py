"""The DISCOVERs byte by byte, and what is taken from an OFFER."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.rom import dhcp
from twin.rom.frames import Datagram, mac_bytes, parse_udp, udp_frame

MAC = mac_bytes("b8:27:eb:12:34:56")
_SHARED = os.environ.get("PICLUSTER_SHARED_DATA")
SHARED = (Path(_SHARED) if _SHARED else Path(__file__).parents[5] / "shared" / "data") / "tcpdump"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures here")


def expected_discover(*, second: bool) -> bytes:
    """The whole frame, written out field by field from the captures."""
    requests = "2b3c4380818283848586874201 03" if second else "2b3c438081828384858687 42"
    guid = "56341200" * 4 if second else "44" * 16
    options = bytes.fromhex(
        f"350101 37{'0e' if second else '0c'}{requests} 5d020000 5e03010201 6111 00{guid} 3c20"
    )
    options += b"PXEClient:Arch:00000:UNDI:002001" + b"\xff"
    bootp = bytes.fromhex("01010600 26f30339 00000000") + bytes(16) + MAC + bytes(10 + 64 + 128)
    payload = bootp + bytes.fromhex("63825363") + options
    total = len(payload) + 28
    ip_checksum = "3990" if second else "3992"  # the latter as in the capture of firmware #862
    ip = f"4500{total:04x} 0000 0000 8011 {ip_checksum} 00000000 ffffffff"
    udp = f"0044 0043 {total - 20:04x} 0000"
    return bytes.fromhex(f"ffffffffffff b827eb123456 0800 {ip} {udp}") + payload


@pytest.mark.parametrize(("second", "size"), [(False, 320), (True, 322)])
def test_discover_is_the_captured_one_byte_by_byte(second: bool, size: int) -> None:
    frame = udp_frame(dhcp.discover(MAC, "00123456", second=second))
    assert bytes(frame) == expected_discover(second=second)
    assert len(frame) == 42 + size


@needs_shared
def test_rom_frame_equals_the_hex_capture() -> None:
    text = (SHARED / "06-hexdump-rpi3-discover.txt").read_text()
    rows = re.findall(r"^\s*[0-9a-f]{4}   ((?:[0-9a-f]{2} ){15}[0-9a-f]{2})", text, re.M)
    captured = bytes.fromhex(" ".join(rows))
    assert len(captured) == 0xC0
    frame = udp_frame(dhcp.discover(mac_bytes("b8:27:eb:9d:c1:5a"), "579dc15a", second=False))
    assert bytes(frame[:0xC0]) == captured


@needs_shared
def test_second_discover_equals_the_decoded_capture() -> None:
    text = (SHARED / "03-tcpdump-v-rpi3b-discover-offer-arch.txt").read_text()
    discover = dhcp.discover(mac_bytes("b8:27:eb:64:24:7d"), "5564247d", second=True)
    options = dhcp.parse_options(discover.payload[240:])
    guid = re.search(r"GUID \(97\), length 17: ([0-9.]+)", text)
    asked = re.search(r"Parameter-Request \(55\).*?(?=\n        ARCH)", text, re.S)
    assert guid is not None
    assert asked is not None
    assert options[97] == bytes(map(int, guid[1].split(".")))
    assert list(options[55]) == [int(n) for n in re.findall(r"\((\d+)\)", asked[0])[1:]]
    assert f"length {len(discover.payload)}, xid 0x{dhcp.XID:08x}, Flags [none]" in text
    assert "ttl 128, id 0, offset 0, flags [none]" in text
    assert list(options) == [53, 55, 93, 94, 97, 60]


def offer_datagram(
    options: bytes, *, yiaddr: str = "0a4d0101", xid: int = dhcp.XID, siaddr: str = "00000000"
) -> Datagram:
    fixed = struct.pack("!BBBBIHH", 2, 1, 6, 0, xid, 0, 0) + bytes(4)
    fixed += bytes.fromhex(yiaddr + siaddr) + bytes(4) + MAC.ljust(16, b"\0") + bytes(192)
    payload = fixed + bytes.fromhex("63825363") + options
    return Datagram(MAC, b"\x02" * 6, b"\x0a\x4d\0\x01", bytes.fromhex(yiaddr), 67, 68, payload)


OFFER = bytes.fromhex("350102 3604 0a4d0002 0104 ffff0000 0304 0a4d00fe")
MENU = b"\x2b\x13" + b"Raspberry Pi Boot\0\0"


def test_offer_is_read_whole() -> None:
    option_66 = b"\x42\x0910.77.0.3"
    got = dhcp.parse_offer(offer_datagram(OFFER + MENU + option_66 + b"\xff", siaddr="0a4d0009"))
    assert got == dhcp.Offer(
        chaddr=MAC,
        address=b"\x0a\x4d\x01\x01",
        server=b"\x0a\x4d\0\x02",
        tftp_server=b"\x0a\x4d\0\x03",
        netmask=b"\xff\xff\0\0",
        router=b"\x0a\x4d\0\xfe",
        bootable=True,
    )
    assert got.boot_server == b"\x0a\x4d\0\x03"


def test_next_server_alone_is_ignored() -> None:
    got = dhcp.parse_offer(offer_datagram(OFFER + MENU + b"\xff", siaddr="0a4d0009"))
    assert got is not None
    assert got.boot_server == b"\x0a\x4d\0\x02"  # the DHCP server


@pytest.mark.parametrize("name", [b"tftp.example", b"10.77.0", b"\xff\xfe", b"10.77.0.256"])
def test_option_66_that_is_no_address_is_ignored(name: bytes) -> None:
    coded = OFFER + b"\x42" + bytes([len(name)]) + name + b"\xff"
    got = dhcp.parse_offer(offer_datagram(coded))
    assert got is not None
    assert got.tftp_server is None


@pytest.mark.parametrize(
    "datagram",
    [
        offer_datagram(OFFER, xid=1),
        offer_datagram(bytes.fromhex("350105")),  # an ACK
        offer_datagram(b""),
        Datagram(MAC, MAC, b"\0" * 4, b"\0" * 4, 67, 68, b"\x02\x01\x06"),
        Datagram(MAC, MAC, b"\0" * 4, b"\0" * 4, 67, 69, offer_datagram(OFFER).payload),
    ],
)
def test_what_is_no_offer_is_left_alone(datagram: Datagram) -> None:
    assert dhcp.parse_offer(datagram) is None


def test_a_proxy_offer_has_no_address_and_a_menu_makes_it_bootable() -> None:
    plain = dhcp.parse_offer(offer_datagram(OFFER))
    proxy = dhcp.parse_offer(offer_datagram(OFFER + MENU, yiaddr="00000000"))
    assert plain is not None
    assert proxy is not None
    assert (plain.bootable, proxy.bootable, proxy.address) == (False, True, None)


def test_only_bootcode_goes_through_the_router() -> None:
    far = dhcp.parse_offer(offer_datagram(OFFER + b"\x42\x0910.78.0.3\xff"))
    assert far is not None
    assert dhcp.hop(far, routed=False) == b"\x0a\x4e\0\x03"
    assert dhcp.hop(far, routed=True) == b"\x0a\x4d\0\xfe"


@given(st.binary(max_size=400))
def test_any_options_are_read_without_error(coded: bytes) -> None:
    for code, value in dhcp.parse_options(coded).items():
        assert bytes([code, len(value)]) + value in coded
    dhcp.parse_offer(offer_datagram(coded))


@given(st.binary(max_size=600))
def test_any_payload_comes_back_from_its_frame(payload: bytes) -> None:
    datagram = Datagram(MAC, MAC, b"\x0a\0\0\x01", b"\x0a\0\0\x02", 1, 2, payload)
    assert parse_udp(udp_frame(datagram)) == datagram

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picluster.mac import (
    MacAddress,
    is_raspberry_pi,
    oui,
    parse_mac,
    parse_serial,
    serial_fits,
)

_UNICAST = st.integers(1, (1 << 48) - 1).filter(lambda number: not (number >> 40) & 1)


def canonical(number: int) -> str:
    return ":".join(f"{number >> shift & 255:02x}" for shift in range(40, -1, -8))


@given(_UNICAST)
def test_every_notation_reads_as_the_same_address(number: int) -> None:
    mac = canonical(number)
    bare = mac.replace(":", "")
    octets = [f"{int(octet, 16):x}" for octet in mac.split(":")]
    notations = [
        mac, mac.upper(), mac.replace(":", "-"), bare, bare.upper(), f"0x{bare}",
        ".".join(bare[i : i + 4] for i in (0, 4, 8)),
        "-".join(bare[i : i + 4] for i in (0, 4, 8)),
        f"{bare[:6]}-{bare[6:]}", ":".join(octets), f"  {mac}\n",
    ]  # fmt: skip
    assert {parse_mac(text) for text in notations} == {mac}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a MAC address: ''"),
        ("b8:27:eb:12:34", "not a MAC address: 'b8:27:eb:12:34'"),
        ("b8:27:eb:12:34:56:78", "not a MAC address: 'b8:27:eb:12:34:56:78'"),
        ("b8:27-eb:12-34:56", "not a MAC address: 'b8:27-eb:12-34:56'"),
        ("b8:27:eb:12:34:5g", "not a MAC address: 'b8:27:eb:12:34:5g'"),
        ("b8:27:eb:12:34:\u06656", r"not a MAC address: 'b8:27:eb:12:34:\u06656'"),
        ("b8:27:eb:12:34:56\x00", r"not a MAC address: 'b8:27:eb:12:34:56\x00'"),
        ("00:00:00:00:00:00", "all-zero MAC address: '00:00:00:00:00:00'"),
        ("0:0:0:0:0:0", "all-zero MAC address: '0:0:0:0:0:0'"),
        ("01:00:5e:00:00:01", "multicast or broadcast MAC address: '01:00:5e:00:00:01'"),
        ("ff:ff:ff:ff:ff:ff", "multicast or broadcast MAC address: 'ff:ff:ff:ff:ff:ff'"),
    ],
)
def test_what_no_board_can_own_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is compared whole
        parse_mac(text)
    assert str(refused.value) == message


@given(st.text())
def test_any_text_is_a_canonical_address_or_a_short_printable_refusal(text: str) -> None:
    said, mac = "", ""
    try:
        mac = parse_mac(text)
    except ValueError as error:
        said = str(error)
    assert (len(mac), said) == (17, "") or (said.isprintable() and 0 < len(said) < 130)


def test_prefixes_of_boards() -> None:
    prefixes = ["28:cd:c1", "2c:cf:67", "88:a2:9e", "b8:27:eb", "d8:3a:dd", "dc:a6:32", "e4:5f:01"]
    macs = [MacAddress(f"{prefix}:00:00:01") for prefix in prefixes]
    assert [oui(mac) for mac in macs] == prefixes
    assert all(is_raspberry_pi(mac) for mac in macs)
    assert not is_raspberry_pi(MacAddress("00:11:22:33:44:55"))


@pytest.mark.parametrize(
    ("text", "serial"),
    [
        ("d1123456", "d1123456"),
        ("0xD1123456", "d1123456"),
        ("00000000d1123456", "d1123456"),
        ("10000000d1123456", "d1123456"),
        (" d1123456\n", "d1123456"),
    ],
)
def test_serials(text: str, serial: str) -> None:
    assert parse_serial(text) == serial


@pytest.mark.parametrize("text", ["", "d112345", "d11234567", "20000000d1123456", "g1123456"])
def test_what_is_no_serial(text: str) -> None:
    with pytest.raises(ValueError, match="not a board serial"):
        parse_serial(text)


def test_a_serial_fits_the_low_octets_of_a_3b_only() -> None:
    assert serial_fits(MacAddress("b8:27:eb:12:34:56"), "d1123456")
    assert not serial_fits(MacAddress("b8:27:eb:12:34:56"), "d1123457")
    assert serial_fits(MacAddress("dc:a6:32:12:34:56"), "00000000")

from __future__ import annotations

import pytest
from facts_of_files import FIXTURES, facts, fixture, short

from picluster.errors import PiclusterError
from picluster.harvest.observation import Kind

CAPTURES = {
    "tcpdump-short.txt": [
        (3, "b8:27:eb:40:00:01"),
        (5, "b8:27:eb:40:00:02"),
        (6, "b8:27:eb:40:00:03"),
        (7, "b8:27:eb:40:00:01", "10.42.0.18", "5b400001"),
    ],
    "tcpdump-verbose.txt": [
        (2, "b8:27:eb:41:00:01", "55410001"),
        (12, "option 97 of b8:27:eb:41:00:01 is the boot ROM's 44444444: no serial"),
        (12, "b8:27:eb:41:00:01", "10.0.0.25"),
        (15, "b8:27:eb:41:00:01", "10.0.0.25", "55410001"),
    ],
    "wireshark.txt": [
        (8, "d8:3a:dd:42:00:01", "6aee0001"),
        (18, "d8:3a:dd:42:00:01", "10.0.0.90"),
    ],
    "dhcpdump.txt": [
        (9, "b8:27:eb:44:00:01", "172.20.11.1", "77440001"),
        (20, "b8:27:eb:44:00:03"),
    ],
    "hexdump.txt": [(1, "b8:27:eb:43:00:01", "10.0.0.31", "66430001")],
    "hexdump-xx.txt": [(1, "b8:27:eb:43:00:01", "10.0.0.31", "66430001")],
}


@pytest.mark.parametrize("name", CAPTURES)
def test_captures_name_the_client_alone(name: str) -> None:
    found = fixture(f"capture/{name}")
    assert short(found) == CAPTURES[name]
    assert {fact.kind for fact in found if hasattr(fact, "kind")} == {Kind.CAPTURE}


@pytest.mark.parametrize("name", ["tcpdump-short.txt", "dhcpdump.txt"])
@pytest.mark.parametrize("mark", ["> {}", "`{}`"])
def test_captures_within_other_text(name: str, mark: str) -> None:
    lines = (FIXTURES / "capture" / name).read_text().splitlines()
    assert short(facts("\n".join(map(mark.format, lines)))) == CAPTURES[name]


def test_times() -> None:
    assert [str(fact.seen) for fact in fixture("capture/tcpdump-short.txt")] == [
        "None",
        "2024-05-01 10:52:45.500000+00:00",
        "2024-05-01 10:52:46.250000+00:00",
        "None",
    ]
    assert str(fixture("capture/wireshark.txt")[0].seen) == "2024-05-01 10:52:46.250000+00:00"


def test_a_redacted_address_is_a_remark() -> None:
    text = (
        "Bootstrap Protocol (Offer)\n    Message type: Boot Reply (2)\n"
        "    Client MAC address: Raspberr_xx:xx:xx (b8:27:eb:xx:xx:xx)\n"
    )
    what = "client address not readable: 'Raspberr_xx:xx:xx (b8:27:eb:xx:xx:xx)'"
    assert short(facts(text)) == [(3, what)]


@pytest.mark.parametrize(
    "text",
    [
        '11:52:03.620870 IP 10.0.0.1.5 > 10.0.0.2.69:  21 RRQ "bootcode.bin" octet\n',
        "Frame 1: 60 bytes on wire\nEthernet II, Src: a (b8:27:eb:00:00:01), Dst: b\n",
        "0000   ff ff ff ff ff ff b8 27 eb 9d c1 5a 08 06 00 01  ................\n",
    ],
)
def test_a_capture_without_dhcp_is_refused(text: str) -> None:
    with pytest.raises(PiclusterError, match=r"DHCP"):
        facts(text)

from __future__ import annotations

import pytest
from facts_of_files import MODIFIED, facts, fixture, short

from picluster.errors import PiclusterError
from picluster.harvest.formats.base import Context
from picluster.harvest.formats.detect import by_name


def times(name: str) -> list[str]:
    return [fact.seen.isoformat()[:19] for fact in fixture(name) if hasattr(fact, "seen")]


def test_isc_leases() -> None:
    assert short(fixture("dhcp/dhcpd.leases")) == [
        (4, "b8:27:eb:0a:0b:0c", "lease", "172.20.11.7"),
        (18, "b8:27:eb:0a:0b:0d", "lease", "172.20.11.8"),
        (26, "lease of 172.20.11.9 abandoned: the address was in use"),
        (29, "the file ends within the lease of '172.20.11.10'"),
    ]
    assert times("dhcp/dhcpd.leases") == ["2024-03-14T18:35:20", "2024-03-14T18:35:19"]


LEASE = """\
lease 172.20.11.1 {
  cltt 1 2023/01/02 03:04:05;
  hardware ethernet b8:27:eb:0a:00:01;
  client-hostname "lease 10.6.6.6 { } #";
}"""


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("The leases of the head, as of today:", 2),
        ("  binding state free;\n}", 3),
        ('failover peer "boot" state {\n  my state normal at 1 2023/01/02 03:04:05;\n}', 4),
        ("host x { hardware ethernet b8:27:eb:0a:00:02; fixed-address 10.6.6.6; }", 2),
        ("word " * 200, 2),
    ],
)
def test_other_text_before_a_lease(before: str, line: int) -> None:
    expected = [(line, "b8:27:eb:0a:00:01", "lease", "172.20.11.1")]
    assert short(facts(f"{before}\n{LEASE}")) == expected
    quoted = "\n".join(f"> {text}" for text in f"{before}\n{LEASE}".splitlines())
    assert short(facts(quoted)) == expected


def test_a_lease_cut_short_does_not_take_the_next_one_with_it() -> None:
    cut = "lease 172.20.11.9 {\n  hardware ethernet b8:27:eb:0a:00:09;\n...\n"
    assert short(facts(cut + LEASE)) == [
        (4, "the lease of '172.20.11.9' has no end"),
        (4, "b8:27:eb:0a:00:01", "lease", "172.20.11.1"),
    ]


def test_dnsmasq_leases_client_ids_are_no_mac_addresses() -> None:
    assert short(fixture("dhcp/dnsmasq.leases")) == [
        (1, "b8:27:eb:65:00:01", "lease", "192.0.2.110"),
        (2, "b8:27:eb:65:00:02", "lease", "192.0.2.111"),
        (
            3,
            "row without a MAC address: '1516260768 06-aa:bb:cc:dd:ee:ff:00:11 192.0.2.112 * *'",
        ),
    ]
    assert times("dhcp/dnsmasq.leases") == ["2018-01-18T07:32:48", "2024-06-01T12:00:00"]


def test_kea_leases_by_header() -> None:
    assert short(fixture("dhcp/kea-leases4.csv")) == [
        (2, "b8:27:eb:77:00:01", "lease", "172.20.11.1"),
        (3, "lease of '172.20.11.2' without a MAC address"),
        (4, "lease of '172.20.11.3' declined: the address was in use"),
        (5, "b8:27:eb:77:00:02", "lease", "172.20.11.1"),
        (6, "row of 2 cells, not 12: '172.20.11.4,b8:27:eb'"),
    ]
    assert times("dhcp/kea-leases4.csv") == ["2024-03-09T16:00:00", "2024-03-09T17:00:00"]


def test_kea_leases_need_their_header() -> None:

    with pytest.raises(PiclusterError, match="f:1: no header row"):
        list(
            by_name("kea-leases").parse([(1, "10.0.0.1,b8:27:eb:77:00:01")], Context("f", MODIFIED))
        )


@pytest.mark.parametrize(
    ("name", "expected", "seen"),
    [
        (
            "fortinet.txt",
            [
                (3, "b8:27:eb:51:00:01", "lease", "10.32.159.11"),
                (4, "b8:27:eb:51:00:02", "lease", "10.32.159.12"),
            ],
            ["2023-07-18T19:24:19", "2023-07-03T20:00:26"],
        ),
        (
            "history.txt",
            [
                (3, "b8:27:eb:52:00:01", "lease", "10.1.1.9"),
                (4, "b8:27:eb:52:00:02", "lease", "10.1.1.10"),
            ],
            ["2020-04-28T14:21:40", "2020-04-29T14:21:40"],
        ),
        (
            "dumpleases.txt",
            [(2, "b8:27:eb:53:00:01", "lease", "192.168.8.5")],
            ["2024-06-01T12:00:00"],
        ),
        (
            "routeros.txt",
            [(1, "b8:27:eb:54:00:01", "lease", "10.9.0.5")],
            ["2024-06-01T12:00:00"],
        ),
    ],
)
def test_lease_tables(name: str, expected: list[object], seen: list[str]) -> None:
    assert short(fixture(f"dhcp/{name}")) == expected
    assert times(f"dhcp/{name}") == seen


def test_local_expiry_uses_the_offset() -> None:
    row = "  10.0.0.1  b8:27:eb:51:00:01  x   Tue Jul 18 19:24:19 2023"
    [fact] = facts("  IP  MAC-Address  Hostname  VCI\n" + row, utc_offset_s=7200)
    assert fact.seen.isoformat() == "2023-07-18T17:24:19+00:00"

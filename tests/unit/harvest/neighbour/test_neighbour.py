from __future__ import annotations

import pytest
from facts_of_files import FIXTURES, MODIFIED, facts, fixture, short

from picluster.errors import PiclusterError
from picluster.harvest.observation import Kind, Observation

TABLES = {
    "ip-neigh.txt": [
        (1, "b8:27:eb:01:00:01", "172.20.11.1"),
        (2, "b8:27:eb:01:00:01", "172.20.11.1"),
        (5, "b8:27:eb:01:00:04"),
        (6, "dc:a6:32:01:00:05", "172.20.11.5"),
        (7, "all-zero MAC address: '00:00:00:00:00:00'"),
    ],
    "arp-a.txt": [
        (1, "dc:a6:32:01:00:01", "10.1.1.2"),
        (2, "00:0d:bc:14:19:59", "10.1.1.3"),
    ],
    "arp-windows.txt": [(4, "b8:27:eb:02:00:01", "192.168.1.1")],
    "arp-n.txt": [
        (2, "b8:27:eb:03:00:01", "172.20.11.1"),
        (3, "b8:27:eb:03:00:02"),
    ],
    "proc-net-arp.txt": [(2, "b8:27:eb:04:00:01", "172.20.11.1")],
    "show-ip-arp.txt": [
        (2, "b8:27:eb:05:00:01", "172.20.11.1"),
        (4, "00:11:22:33:44:55", "172.20.0.1"),
    ],
    "arp-scan.txt": [
        (3, "b8:27:eb:06:00:01", "172.20.11.1"),
        (4, "b8:27:eb:06:00:02", "172.20.11.2"),
    ],
    "nmap.txt": [
        (4, "b8:27:eb:07:00:01", "172.20.11.1"),
        (7, "b8:27:eb:07:00:02", "172.20.11.2"),
    ],
    "nmap.xml": [(6, "b8:27:eb:08:00:01", "172.20.11.1")],
    "ip-neigh.json": [
        (None, "b8:27:eb:09:00:01", "172.20.11.1"),
        (None, "b8:27:eb:09:00:02"),
        (None, "entry 4: no entry: '7'"),
    ],
    "addresses-nxos.txt": [
        (6, "b8:27:eb:0a:00:01", "172.20.11.1"),
        (8, "dc:a6:32:0a:00:03", "172.20.11.3"),
    ],
    "addresses-binding.txt": [
        (5, "b8:27:eb:0b:00:01", "lease", "172.20.11.1"),
        (6, "dc:a6:32:0b:00:02", "lease", "172.20.11.2"),
    ],
    "addresses-routeros.txt": [
        (4, "b8:27:eb:0c:00:01", "lease", "172.20.11.1"),
        (7, "multicast or broadcast MAC address: 'B9:27:EB:0C:00:04'"),
    ],
    "addresses-asa.txt": [
        (1, "b8:27:eb:0d:00:01", "172.20.11.1"),
        (2, "dc:a6:32:0d:00:02", "172.20.11.2"),
    ],
    "nmap-old.txt": [
        (3, "b8:27:eb:0e:00:01", "172.20.11.1"),
        (5, "dc:a6:32:0e:00:02", "172.20.11.2"),
    ],
    "arping.txt": [(2, "b8:27:eb:0f:00:01", "172.20.11.1")],
    "routeros-arp.txt": [(1, "b8:27:eb:10:00:01", "172.20.11.1")],
}
#: What mails, web pages and terminals put around a line.
WRAPPINGS = {
    "indented": "    {}",
    "quoted": "> {}",
    "quoted twice": ">> {}",
    "a Markdown table's": "| {}  ",
    "coloured": "\x1b[32m{}\x1b[0m",
    "hard blanks": "\xa0\xa0{}\xa0",
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_and_scans(name: str) -> None:
    assert short(fixture(f"neighbour/{name}")) == TABLES[name]


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("name", [name for name in TABLES if name.endswith(".txt")])
def test_tables_within_other_text(name: str, wrapping: str) -> None:
    lines = (FIXTURES / "neighbour" / name).read_text().splitlines()
    assert short(facts("\n".join(map(WRAPPINGS[wrapping].format, lines)))) == TABLES[name]


def test_a_neighbour_was_seen_when_the_file_was_written() -> None:
    assert fixture("neighbour/ip-neigh.txt")[0] == Observation(
        mac="b8:27:eb:01:00:01",
        kind=Kind.NEIGHBOUR,
        source="f",
        line=1,
        seen=MODIFIED,
        address="172.20.11.1",
    )


def test_broken_json_is_refused() -> None:
    text = (FIXTURES / "neighbour/ip-neigh.json").read_text()
    with pytest.raises(PiclusterError, match="f:1: broken JSON"):
        facts(text[:100])


def test_a_named_host_cannot_move_an_address() -> None:
    text = "Nmap scan report for x (10.6.6.6) (172.20.11.1)\nMAC Address: B8:27:EB:07:00:01 (x)\n"
    assert short(facts(text)) == [(2, "b8:27:eb:07:00:01", "172.20.11.1")]

"""Captured tables, where they are at hand: the stations a plain pattern for each file finds.

The pattern is an independent reading of the file: three groups, ``mac``, ``port`` and ``vlan``,
one match per station. What it leaves out has to be a remark or nothing.
"""

from __future__ import annotations

import re

import pytest
from switch_reading import MODIFIED, SHARED, facts_of, format_of, stations, text_of

from picluster.errors import PiclusterError
from picluster.harvest.observation import Observation, Position, Remark
from picluster.mac import parse_mac

TABLES = SHARED / "switch-mac-tables"
UNIFI = SHARED / "unifi-api"
pytestmark = pytest.mark.skipif(
    not TABLES.is_dir(), reason="no captured samples here (PICLUSTER_SHARED_DATA)"
)

DOTTED = r"(?P<mac>[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})"
COLON = r"(?P<mac>[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5})"
IOS = r"^ *(?P<vlan>\d+) +" + DOTTED + r" +\w+ +(?P<port>(?!Vl)\S+/\S+)"
RADLAN = r"^ +(?P<vlan>\d+) +" + COLON + r" +(?P<port>gi?\d+) +dynamic"

#: file, pattern, stations, remarks
TRUTHS = [
    ("01-unifi-swctrl-mac-show-sample.txt",
     r"^ +(?P<port>\d+) +(?P<vlan>\d+) " + COLON, 2, 0),
    ("02-unifi-swctrl-port-show-sample.txt", r"(?P<mac>x)(?P<port>x)(?P<vlan>x)", 0, 1),
    ("04-ubnt-toughswitch-tswconf-fdb.txt",
     r"\[addr\]:(?P<mac>\S+) (?P<vlan>)\[fid\].*\[dest_port\]:(?P<port>[1-9])", 2, 1),
    ("05-broadcom-icos-fastpath.txt",
     r"^(?P<vlan>\d+) +" + COLON + r" +(?P<port>\S+) +\d+ +Learned", 17, 2),
    ("10-cisco-ios-catalyst-2960x.txt", IOS, 8, 3),
    ("11-cisco-ios-criterion-totals.txt", IOS, 2, 4),
    ("12-cisco-cat6500-earl-stars.txt",
     r"^ +(?:\* +)?(?P<vlan>\d+) " + DOTTED + r" +dynamic .* (?P<port>[TP]\S+)", 46, 3),
    ("14-cisco-2900xl-dest-port.txt",
     r"^" + DOTTED + r" +Dynamic +(?P<vlan>\d+) +(?P<port>\S+)", 9, 0),
    ("15-cisco-s300.txt", RADLAN, 12, 1),
    ("16-cisco-ios-voice-vlan-static.txt", IOS, 2, 0),
    ("20-hp-procurve-vlan-column.txt",
     r"^ +(?P<mac>[0-9a-f]{6}-[0-9a-f]{6}) +(?P<port>\S+) +(?P<vlan>\d+)", 4, 0),
    ("22-aruba-aoscx.txt", r"^" + COLON + r" +(?P<vlan>\d+) +\S+ +(?P<port>\S+)", 6, 0),
    ("24-dell-powerconnect.txt", RADLAN, 26, 0),
    ("30-junos-els.txt",
     r"^ +(?P<vlan>Vlan\d+) +" + COLON + r" +\S+ +- +(?P<port>\S+)", 3, 0),
    # the anonymised addresses of this one are group addresses: no station can own them
    ("40-mikrotik-bridge-host-terse.txt", r"(?P<mac>x)(?P<port>x)(?P<vlan>x)", 0, 8),
]  # fmt: skip


def told(match: re.Match[str]) -> tuple[str, str | None, str | None]:
    return (parse_mac(match["mac"]), match["port"] or None, match["vlan"] or None)


@pytest.mark.parametrize(("name", "pattern", "count", "remarks"), TRUTHS)
def test_tables(name: str, pattern: str, count: int, remarks: int) -> None:
    text = text_of(TABLES / name)
    truth = [told(match) for match in re.finditer(pattern, text, re.MULTILINE)]
    facts = facts_of(text)
    assert stations(text) == truth
    assert len(truth) == count
    assert sum(isinstance(fact, Remark) for fact in facts) == remarks


def test_exos_gives_one_station_per_port() -> None:
    text = text_of(TABLES / "25-extreme-exos-fdb.txt")
    rows = re.findall(r"^(\S{17}) +v\d+\(0*(\d+)\) \d+ [\w ]+? {2,}(\d.*)", text, re.MULTILINE)
    truth = [(mac, port, vlan) for mac, vlan, ports in rows for port in ports.split(", ")]
    assert stations(text) == truth
    assert len(truth) == 9


def test_earl_sections_keep_their_ages() -> None:
    text = text_of(TABLES / "12-cisco-cat6500-earl-stars.txt")
    seen = {fact.seen for fact in facts_of(text) if isinstance(fact, Observation)}
    assert len(seen) == len(set(re.findall(r"Yes +(\d+)", text)))


def test_poe_table_is_refused() -> None:
    text = text_of(TABLES / "03-unifi-swctrl-poe-show.txt")
    with pytest.raises(PiclusterError, match=r"^table:1: .*no MAC addresses"):
        facts_of(text)


def test_uplink_of_port_show() -> None:
    facts = facts_of(text_of(TABLES / "02-unifi-swctrl-port-show-sample.txt"))
    assert facts == [Remark("port 2 is the uplink", "table", 1)]


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("50-snmpwalk-cisco-per-vlan-pi.txt",
         [("b8:27:eb:e7:ae:6a", None, None), ("f0:4d:a2:07:1c:46", None, None),
          ("f0:4d:a2:08:c6:ca", "24", None)]),
        ("52-snmpwalk-qbridge-hp-h3c.txt",
         [("34:14:5f:50:e7:3b", "9", None), ("00:11:11:75:53:d9", "891", None)]),
        ("53-snmp-named-mangled-index.txt", [("f0:4d:a2:08:c6:ca", None, None)]),
        ("60-bridge-fdb-openwrt-dsa-vlan.txt",
         [("00:1b:21:a7:98:bc", "lan1", None), ("34:97:f6:5d:03:11", "lan2", "1")]),
        ("62-bridge-fdb-stale-self-entry.txt",
         [("04:d3:b0:69:26:f7", "phy1-ap0", None), ("04:d3:b0:69:26:f7", "lan2", None)]),
        ("63-bridge-fdb-stale-after-unplug.txt", [("00:0e:c6:44:3f:d1", "swp1", "1")]),
    ],
)  # fmt: skip
def test_walks_and_bridges(name: str, truth: list[tuple[str, str | None, str | None]]) -> None:
    assert stations(text_of(TABLES / name)) == truth


def test_easysnmp() -> None:
    text = text_of(TABLES / "54-easysnmp-cisco-fdbport.txt")
    rows = re.findall(r"value='(\d+)'.*oid_index='([\d.]+)'", text)
    truth = [
        (":".join(f"{int(octet):02x}" for octet in index.split(".")), port, None)
        for port, index in rows
    ]
    assert stations(text) == truth
    assert len(truth) == 5


@pytest.mark.parametrize(
    ("pattern", "remarks"),
    [
        ("01-*", ["'Switch 16': port 1 is the uplink", "'Switch 16': no MAC address table"]),
        ("02-*", ["'Switch 8': port 2 is the uplink", "'Switch 8': no MAC address table"]),
        ("03-*", ["'UniFi Switch Flex Mini': port 1 is", "'UniFi Switch Flex Mini': no MAC"]),
        ("04-*", ["'Main Server Cabinet PDU': port 1", "'Main Server Cabinet PDU': no MAC"]),
        ("08-*", ["'USP-Pro-PDU': port 1 is the uplink", "'USP-Pro-PDU': no MAC address table"]),
    ],
)
def test_unifi_devices_without_tables(pattern: str, remarks: list[str]) -> None:
    (path,) = UNIFI.glob(pattern)
    facts = facts_of(text_of(path))
    assert len(facts) == len(remarks)
    for fact, what in zip(facts, remarks, strict=True):
        assert isinstance(fact, Remark)
        assert fact.what.startswith(what)


def test_unifi_clients() -> None:
    (path,) = UNIFI.glob("06-*")
    wired, wireless = facts_of(text_of(path))
    assert isinstance(wired, Observation)
    assert (wired.mac, wired.switch, wired.port, wired.vlan, wired.address) == (
        "ac:cc:de:12:34:56", "fc:ec:da:11:22:33", "3", None, "192.168.0.2",
    )  # fmt: skip
    assert wired.seen is not None
    assert int(wired.seen.timestamp()) == 1642574376
    assert isinstance(wireless, Remark)
    assert "not wired" in wireless.what


@pytest.mark.parametrize("pattern", ["09-*", "10-*"])
def test_unifi_fragments_are_refused(pattern: str) -> None:
    (path,) = UNIFI.glob(pattern)
    with pytest.raises(PiclusterError, match=r"^table:1: broken JSON: starts in the middle"):
        facts_of(text_of(path))


def test_positions_of_the_real_cluster() -> None:
    text = text_of(SHARED / "positions_front.csv")
    rows = [line.split(",") for line in text.splitlines()[1:] if line.strip()]
    truth = [
        Position(row[2], row[4], row[3], source="table", line=number, seen=MODIFIED)
        for number, row in enumerate(rows, 2)
    ]
    assert format_of(text).name == "positions-csv"
    assert facts_of(text) == truth
    assert len(truth) == 392


def test_no_other_capture_is_taken_for_a_switch_table() -> None:
    from picluster.harvest.formats.switch import FORMATS  # noqa: PLC0415

    taken = {
        f"{path.parent.name}/{path.name}": [
            form.name for form in FORMATS if form.matches(path.read_bytes().decode("latin-1"))
        ]
        for path in sorted(SHARED.rglob("*.txt"))
        if path.parent not in {TABLES, UNIFI}
    }
    assert {name: forms for name, forms in taken.items() if forms} == {}

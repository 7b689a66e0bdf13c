"""What SOURCES.md says of each captured sample, held against what the harvest reads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from facts_of_files import shared, short

from picluster.errors import PiclusterError
from picluster.harvest.formats import FORMATS
from picluster.harvest.formats.base import Context
from picluster.harvest.formats.detect import detect
from picluster.harvest.observation import Fact, Observation
from picluster.harvest.reading import open_source

pytestmark = pytest.mark.usefixtures("_samples")


@pytest.fixture(name="_samples")
def samples() -> Path:
    return shared()


def read(name: str) -> list[Fact]:
    with open_source(shared() / name) as source:
        form = detect(source.head, name)
        context = Context(name, datetime(2026, 11, 1, tzinfo=UTC), 0)
        return list(form.parse(source.lines, context))


def boards(name: str) -> dict[str, set[str]]:
    """Every MAC address with the addresses and serials it was seen with."""
    found: dict[str, set[str]] = {}
    for fact in read(name):
        assert isinstance(fact, Observation), fact
        held = found.setdefault(fact.mac, set())
        held.update(filter(None, (fact.address, fact.serial)))
    return found


def test_every_sample_is_of_one_format() -> None:
    wrong = {}
    for path in sorted(p for p in shared().rglob("*") if p.is_file() and p.name != "SOURCES.md"):
        with open_source(path) as source:
            names = [form.name for form in FORMATS if form.matches(source.head)]
        if len(names) != 1:
            wrong[path.name] = names
    assert wrong == {}


TRUTH = {
    "dhcpd-logs/01-isc-journalctl-rpi3-renew.txt": {"b8:27:eb:d3:22:e7": {"192.168.192.12"}},
    "dhcpd-logs/03-dhcpd-leases-self-client.txt": {"b8:27:eb:0a:83:a2": {"10.1.8.111"}},
    "dhcpd-logs/04-dhcpd-leases-four-pis.txt": {
        "b8:27:eb:42:c9:e9": {"192.168.2.102"},
        "b8:27:eb:60:b8:8e": {"192.168.2.100"},
        "b8:27:eb:9a:55:13": {"192.168.2.101"},
        "b8:27:eb:3a:7c:7c": {"192.168.2.103"},
    },
    "dhcpd-logs/22-dnsmasq-leases-two-pi3.txt": {
        "b8:27:eb:7d:e8:ee": {"10.10.0.2"},
        "b8:27:eb:3a:e2:c8": {"10.10.0.1"},
    },
    "dhcpd-logs/23-dnsmasq-leases-pi-cluster-node-names.txt": {
        "b8:27:eb:48:29:01": {"192.0.2.87"},
        "b8:27:eb:c4:8b:6b": {"192.0.2.242"},
        "b8:27:eb:69:fa:ff": {"192.0.2.146"},
        "b8:27:eb:65:ae:6c": {"192.0.2.110"},
        "b8:27:eb:e2:1f:27": {"192.0.2.144"},
    },
    "dhcpd-logs/24-lease-history-cloudmesh.txt": {
        "b8:27:eb:57:f6:65": {"10.1.1.9"},
        "b8:27:eb:c9:b1:ff": {"10.1.1.42"},
    },
    "dhcpd-logs/31-isc-declined-loop-xcat.txt": {"00:0a:f7:73:7d:d0": {"198.51.100.101"}},
    "dhcpd-logs/40-fortinet-lease-list.txt": {
        "cc:6b:1e:14:15:e1": {"10.32.159.11"},
        "34:db:fd:5d:b6:b5": {"10.32.159.26"},
        "b8:27:eb:9c:56:f9": {"10.32.159.162"},
        "74:ac:b9:96:51:fd": {"10.32.159.197"},
        "74:ac:b9:96:51:e4": {"10.32.159.199"},
    },
    "dhcpd-logs/50-kea-leases4-csv.txt": {"00:0c:29:0a:6f:c3": {"192.168.14.100"}},
    "dhcpd-logs/53-kea-lease-offer-line.txt": {"08:00:27:25:d3:f4": {"192.0.2.0"}},
    "arp-neigh/03-arp-a-pi-cluster.txt": {
        "dc:a6:32:e7:fe:69": {"10.1.1.2"},
        "dc:ef:09:d9:5f:64": {"192.168.1.1"},
        "e4:b3:18:d4:bd:d1": {"192.168.1.12"},
        "e8:d8:d1:82:42:b8": {"192.168.1.14"},
        "dc:a6:32:e8:02:25": {"10.1.1.3"},
    },
    "arp-neigh/05-nmap-sn-five-pi4.txt": {
        "dc:a6:32:12:c1:68": {"192.168.0.100"},
        "dc:a6:32:12:c1:a7": {"192.168.0.101"},
        "dc:a6:32:12:c1:a1": {"192.168.0.103"},
        "dc:a6:32:5f:b6:06": {"192.168.0.105"},
        "dc:a6:32:12:c2:c4": {"192.168.0.106"},
    },
    "arp-neigh/06-ip-n-s-two-interfaces.txt": {
        "44:8a:5b:2b:e2:e4": {"192.168.0.6"},
        "c6:25:06:7d:97:9b": {"192.168.0.3"},
        "b8:27:eb:3c:94:90": {"192.168.0.10"},
        "24:65:11:5c:01:a4": {"192.168.0.1"},
        "ec:55:f9:c6:64:6c": {"192.168.0.113"},
    },
    "arp-neigh/08-ip6-neigh-linklocal-pi4.txt": {"dc:a6:32:45:dc:b7": set()},
    "tcpdump/01-tcpdump-rpi3-discover-short.txt": {"b8:27:eb:76:a6:1a": set()},
    "tcpdump/02-tcpdump-rpi3b-host-nic-confusion.txt": {
        "bc:ee:7b:9d:ab:ce": set(),
        "b8:27:eb:49:f5:8c": set(),
    },
    "tcpdump/03-tcpdump-v-rpi3b-discover-offer-arch.txt": {
        "b8:27:eb:64:24:7d": {"5564247d", "10.0.0.25"}
    },
    "tcpdump/05-tcpdump-vv-dnsmasq-proxy-offer-rpi3.txt": {"b8:27:eb:86:96:f5": {"8d8696f5"}},
    "tcpdump/06-hexdump-rpi3-discover.txt": {"b8:27:eb:9d:c1:5a": set()},
    "tcpdump/08-wireshark-rpi4-discover-relay.txt": {"dc:a6:32:27:76:bc": {"6aee7243"}},
    "tcpdump/09-tcpdump-rpi3-unanswered-862.txt": {"b8:27:eb:9d:c1:5a": set()},
    "tcpdump/11-wireshark-pi5-discover-via-relay.txt": {"d8:3a:dd:e8:27:1e": set()},
    "tcpdump/12-wireshark-rpi4-technitium.txt": {"dc:a6:32:c2:1f:fe": set()},
    "tftp-logs/01-dnsmasq-iso-rpi3bplus-full-success.txt": {
        "b8:27:eb:07:bc:c6": {"10.1.1.2", "8b07bcc6"}
    },
    "tftp-logs/02-atftpd-iscdhcpd-rpi3b-kernel-stage.txt": {
        "b8:27:eb:b1:14:9b": {"192.168.10.100", "2bb1149b"}
    },
    "tftp-logs/03-dnsmasq-rpi3bplus-bootcode-missing.txt": {"b8:27:eb:f3:26:91": {"192.168.4.143"}},
    "tftp-logs/04-dnsmasq-rpi3-root-dir-fallback.txt": {
        "b8:27:eb:76:a6:1a": {"10.42.0.17", "b876a61a"}
    },
    "tftp-logs/07-dnsmasq-rpi3-healthy-early-terminate-1605.txt": {
        "b8:27:eb:6c:4c:16": {"192.168.1.116", "b66c4c16"}
    },
    "tftp-logs/16-dnsmasq-863-stretch-serial-miss-then-root.txt": {
        "b8:27:eb:9d:c1:5a": {"579dc15a"}
    },
}


@pytest.mark.parametrize("name", TRUTH)
def test_samples_that_hold_boards(name: str) -> None:
    assert boards(name) == TRUTH[name]


def test_incomplete_and_failed_neighbours_are_left_out() -> None:
    assert len(boards("arp-neigh/01-ip-neigh-debian-mixed.txt")) == 12
    assert len(boards("arp-neigh/10-linux-arp-a-incomplete.txt")) == 7
    openwrt = boards("arp-neigh/02-ip-neigh-openwrt-busybox-ref-used.txt")
    pis = {mac: held for mac, held in openwrt.items() if mac.startswith("dc:a6:32")}
    assert pis == {
        "dc:a6:32:57:46:d6": {"192.168.0.33"},
        "dc:a6:32:a3:48:b1": {"192.168.0.5"},
    }
    assert len(openwrt) == 8
    scan = boards("arp-neigh/09-arp-scan-macos-no-pi-oui.txt")
    assert scan["f0:99:bf:04:35:98"] == {"192.168.100.2", "192.168.100.3"}
    assert scan["00:22:cf:fa:57:b3"] == {"192.168.100.20"}
    assert len(scan) == 8


ROM = "is the boot ROM's 44444444: no serial"
MIXED = {
    "dhcpd-logs/10-dnsmasq-proxy-dhcp-logdhcp-rpi3.txt": [
        (4, "b8:27:eb:41:4a:9d", "discover"),
        (12, f"option 97 of b8:27:eb:41:4a:9d {ROM}"),
    ],
    "dhcpd-logs/20-dnsmasq-journal-no-address-then-ok.txt": [
        *((line, "DHCP packet received on eth0 which has no address") for line in (1, 2, 3)),
        (4, "b8:27:eb:3a:e2:c8", "discover"),
        (5, "b8:27:eb:3a:e2:c8", "offer", "10.10.0.1"),
        (6, "b8:27:eb:3a:e2:c8", "discover"),
        (7, "b8:27:eb:3a:e2:c8", "offer", "10.10.0.1"),
        (8, "b8:27:eb:3a:e2:c8", "request", "10.10.0.1"),
        (9, "b8:27:eb:3a:e2:c8", "ack", "10.10.0.1"),
    ],
    "dhcpd-logs/32-isc-abandoned.txt": [
        (1, "00:16:36:61:e6:fe", "discover"),
        (2, "Reclaiming abandoned lease 192.168.1.81."),
        (3, "ICMP Echo reply while lease 192.168.1.81 valid."),
        (4, "Abandoning IP address 192.168.1.81: pinged before offer"),
    ],
    "dhcpd-logs/54-kea-lease4-dump-reference.csv.txt": [
        (2, "not a MAC address: '32:30'"),
        (3, "lease of '0.0.0.11' declined: the address was in use"),
        (4, "not a MAC address: '32:32'"),
    ],
    "tcpdump/10-wireshark-offer-siaddr-ignored-801.txt": [
        (17, "client address not readable: 'Raspberr_xx:xx:xx (b8:27:eb:xx:xx:xx)'"),
    ],
    "tftp-logs/05-tftpd-hpa-rpi3-wrong-serial-dir.txt": [
        (4, "serial 2a7acd98 asked for by 10.0.1.101: no DHCP line names its MAC address"),
    ],
    "tftp-logs/11-tcpdump-rrq-rpi4-retry-loop.txt": [
        (1, "serial d9780558 asked for by 192.168.1.32: no DHCP line names its MAC address"),
    ],
    "tftp-logs/12-tcpdump-rrq-rpi4-no-reply-2s.txt": [
        (1, "serial d9780558 asked for by 192.168.1.35: no DHCP line names its MAC address"),
    ],
    "tftp-logs/15-dnsmasq-rpi3-859-proxy-reply-delay.txt": [
        (3, "b8:27:eb:5a:8e:32", "discover"),
        (10, f"option 97 of b8:27:eb:5a:8e:32 {ROM}"),
    ],
    "tftp-logs/19-dnsmasq-german-first-stage-1362.txt": [
        (3, "b8:27:eb:ef:56:44", "discover"),
        (9, f"option 97 of b8:27:eb:ef:56:44 {ROM}"),
    ],
}


@pytest.mark.parametrize("name", MIXED)
def test_samples_with_remarks(name: str) -> None:
    assert short(read(name)) == MIXED[name]


LOG = "holds no DHCP message and no boot file request of a board"
REFUSED = {
    "dhcpd-logs/52-kea-log-mixed.txt": f"{LOG} .programs: 'kea-dhcp4'",
    "tftp-logs/09-dnsmasq-rpi1-2-healthy-no-serial-935.txt": f"{LOG} .programs: 'dnsmasq-tftp'",
    "tftp-logs/13-custom-server-rpi4-success.txt": "is a list of TFTP transfers",
    "tftp-logs/14-tcpdump-rrq-rpi3-859.txt": "shows no DHCP request",
    "tftp-logs/18-rpi4-bootloader-screen-netboot-init-failed.txt": "is the console of one board",
    "nfs-logs/03-rpi-nfs-flapping-journal.txt": f"{LOG} .programs: 'kernel', 'mtp-probe'",
    "nfs-logs/05-mountd-multihomed-old.txt": f"{LOG} .programs: 'rpc.mountd', 'CRON'",
    "nfs-logs/07-mountd-authenticated-but-denied.txt": f"{LOG} .programs: 'rpc.mountd'",
    "nfs-logs/08-mountd-bad-path.txt": f"{LOG} .programs: 'rpc.mountd'",
    "nfs-logs/09-mountd-debug-and-reexport.txt": "is the NFS server's log",
}


@pytest.mark.parametrize("name", REFUSED)
def test_samples_without_boards_are_refused(name: str) -> None:
    with pytest.raises(PiclusterError, match=REFUSED[name]):
        read(name)


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("pdu", "is about power outlets"),
        ("vcgencmd", "is a board's throttling state"),
        ("nfs-logs", "is the console of one board"),
    ],
)
def test_folders_without_boards_are_refused(folder: str, reason: str) -> None:
    names = [f"{folder}/{path.name}" for path in sorted((shared() / folder).iterdir())]
    assert names
    for name in names:
        if name not in REFUSED:
            with pytest.raises(PiclusterError, match=reason):
                read(name)


def test_no_sample_of_these_folders_is_forgotten() -> None:
    told = {*TRUTH, *MIXED, *REFUSED}
    told |= {
        f"arp-neigh/{name}"
        for name in (
            "01-ip-neigh-debian-mixed.txt",
            "02-ip-neigh-openwrt-busybox-ref-used.txt",
            "09-arp-scan-macos-no-pi-oui.txt",
            "10-linux-arp-a-incomplete.txt",
        )
    }
    folders = ("dhcpd-logs", "arp-neigh", "tcpdump", "tftp-logs")
    there = {f"{f}/{path.name}" for f in folders for path in (shared() / f).iterdir()}
    assert there - told == set()

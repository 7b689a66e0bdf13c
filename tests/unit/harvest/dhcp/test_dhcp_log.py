from __future__ import annotations

from datetime import UTC, datetime

import pytest
from facts_of_files import FIXTURES, facts, fixture, short

from picluster.errors import PiclusterError
from picluster.harvest.formats.base import Context
from picluster.harvest.formats.dhcp.log import JournalJson
from picluster.harvest.observation import Kind, Observation


def test_isc_syslog_gives_every_event_and_no_client_text() -> None:
    assert short(fixture("dhcp/isc-syslog.log")) == [
        (2, "b8:27:eb:10:20:30", "discover"),
        (3, "b8:27:eb:10:20:30", "05102030"),
        (4, "b8:27:eb:10:20:30", "offer", "172.20.11.1"),
        (5, "b8:27:eb:10:20:31", "no-free-leases"),
        (6, "b8:27:eb:10:20:32", "unknown"),
        (7, "b8:27:eb:10:20:33", "unknown"),
        (8, "b8:27:eb:10:20:34", "request", "172.20.11.2"),
        (9, "b8:27:eb:10:20:34", "ack", "172.20.11.2"),
        (10, "b8:27:eb:10:20:35", "request"),
        (11, "b8:27:eb:10:20:35", "nak"),
        (12, "b8:27:eb:10:20:34", "decline", "172.20.11.2"),
        (14, "b8:27:eb:10:20:36", "ack", "172.20.11.3"),
        (15, "Abandoning IP address 172.20.11.4: pinged before offer"),
        (18, "b8:27:eb:10:20:37", "request", "172.20.11.5"),
        (19, "not understood: 'DHCPOFFER on 172.20.11.6 to b8:27:eb:10:2'"),
        (20, "option 97 of b8:27:eb:10:20:30 is the boot ROM's 44444444: no serial"),
        (21, "option 97 of b8:27:eb:10:20:30 holds serial 05102031, not this board's"),
        (
            22,
            "option 97 of b8:27:eb:10:20:30 is not four times one serial: "
            "00:30:20:10:05:30:20:10:06:30:20:10:05:30:20:10:05",
        ),
    ]


def test_an_observation_holds_kind_source_line_and_time() -> None:
    assert fixture("dhcp/isc-syslog.log")[2] == Observation(
        mac="b8:27:eb:10:20:30",
        kind=Kind.DHCP,
        source="f",
        line=4,
        seen=datetime(2024, 3, 3, 9, 0, 1, tzinfo=UTC),
        address="172.20.11.1",
        event="offer",
    )


def test_dnsmasq_log_with_tftp_and_option_dumps() -> None:
    assert short(fixture("dhcp/dnsmasq.log")) == [
        (1, "b8:27:eb:a0:b0:01", "discover"),
        (2, "b8:27:eb:a0:b0:01", "offer", "10.1.1.2"),
        (3, "b8:27:eb:a0:b0:02", "no-free-leases"),
        (4, "b8:27:eb:a0:b0:03", "unknown"),
        (5, "b8:27:eb:a0:b0:04", "discover"),
        (7, "b8:27:eb:a0:b0:04", "5ea0b004"),
        (8, "b8:27:eb:a0:b0:04", "5ea0b004"),
        (9, "b8:27:eb:a0:b0:01", "10.1.1.2", "7fa0b001"),
        (10, "b8:27:eb:a0:b0:01", "ack", "10.1.1.2"),
        (11, "DHCP packet received on eth0 which has no address"),
    ]
    assert fixture("dhcp/dnsmasq.log")[0].seen == datetime(2025, 9, 26, 15, 25, 2, 962460, UTC)


def test_kea_log() -> None:
    found = fixture("dhcp/kea.log")
    assert short(found) == [
        (2, "b8:27:eb:77:00:01", "offer", "172.20.11.1"),
        (3, "b8:27:eb:77:00:01", "ack", "172.20.11.1"),
        (4, "b8:27:eb:77:00:02", "no-free-leases"),
        (5, "b8:27:eb:77:00:03", "unknown"),
    ]
    assert [fact.seen.second for fact in found] == [20, 21, 22, 23]


def test_journal_json_with_bytes_for_text() -> None:
    found = fixture("dhcp/journal.json")
    assert short(found) == [
        (1, "b8:27:eb:10:20:30", "discover"),
        (3, "b8:27:eb:10:20:30", "offer", "172.20.11.1"),
    ]
    assert found[1].seen == datetime(2024, 3, 3, 9, 0, 2, 500000, UTC)


HALF = '{"SYSLOG_IDENTIFIER":"dhcpd","MESSAGE":"DHCPDIS'


@pytest.mark.parametrize("after", ["", "\n{}\n"])
def test_half_a_json_line_is_refused_with_its_number(after: str) -> None:
    text = (FIXTURES / "dhcp/journal.json").read_text() + HALF + after
    with pytest.raises(PiclusterError, match=r"f:5: not a whole JSON object: '\{\"SYSLOG"):
        facts(text)


def test_the_end_of_a_live_journal_may_be_half_a_line_but_not_its_middle() -> None:
    text = (FIXTURES / "dhcp/journal.json").read_text() + HALF
    context = Context("journal", datetime(2024, 6, 1, tzinfo=UTC))
    found = list(JournalJson(live=True).parse(enumerate(text.splitlines(), 1), context))
    assert short(found)[-1] == (5, "the stream ended within a line")
    with pytest.raises(PiclusterError, match="journal:5"):
        list(JournalJson(live=True).parse(enumerate((text + "\n{}").splitlines(), 1), context))
    assert list(JournalJson(live=True).parse([], context)) == []


LINE = "DHCPOFFER on 172.20.11.1 to b8:27:eb:10:20:30 via eth1"
ONE = [(1, "b8:27:eb:10:20:30", "offer", "172.20.11.1")]


@pytest.mark.parametrize(
    ("prefix", "seen"),
    [
        ("", None),
        ("dhcpd[7]: ", None),
        ("Mar  3 09:00:01 dhcpd[7]: ", "2024-03-03T08:00:01"),
        ("   Mar  3 09:00:01 head dhcpd: ", "2024-03-03T08:00:01"),
        ("<30>Mar  3 09:00:01 head dhcpd[7]: ", "2024-03-03T08:00:01"),
        ("Mar  3 09:00:01.123456 head dhcpd[7]: ", "2024-03-03T08:00:01"),
        ("Jul 14 09:00:01 head dhcpd[7]: ", "2023-07-14T08:00:01"),
        ("Feb 29 09:00:01 head dhcpd[7]: ", "2024-02-29T08:00:01"),
        ("2019-09-14T10:00:00.5+02:00 head dhcpd[7]: ", "2019-09-14T08:00:00.500000"),
        ("2019-09-14T10:00:00+0200 head dhcpd[7]: ", "2019-09-14T08:00:00"),
        ("2019-09-14T10:00:00Z head dhcpd[7]: ", "2019-09-14T10:00:00"),
        ("2019-09-14 10:00:00 head dhcpd[7]: ", "2019-09-14T09:00:00"),
        ("Sat 2019-09-14 10:00:00 UTC head dhcpd[7]: ", "2019-09-14T10:00:00"),
        ("Sat 2019-09-14 10:00:00 CET head dhcpd[7]: ", "2019-09-14T09:00:00"),
        ("1568455200.000000 head dhcpd[7]: ", "2019-09-14T10:00:00"),
        ("<30>1 2019-09-14T10:00:00.1Z head dhcpd 7 - - ", "2019-09-14T10:00:00.100000"),
        ('<30>1 2019-09-14T10:00:00Z head dhcpd 7 - [a b="\\]"] ', "2019-09-14T10:00:00"),
        ("Sat Sep 14 10:00:00 2019 daemon.info dhcpd[7]: ", "2019-09-14T09:00:00"),
        ("Sep 14 2019 10:00:00 head dhcpd[7]: ", "2019-09-14T09:00:00"),
        ("2019 Sep 14 10:00:00 head dhcpd[7]: ", "2019-09-14T09:00:00"),
        ("[2019-09-14 10:00:00] dhcpd: ", "2019-09-14T09:00:00"),
        ("10:00:00 dhcpd: ", None),
        ("dhcp-server_1  | ", None),
        ("dhcp-1  | 2019-09-14T10:00:00.5Z ", "2019-09-14T10:00:00.500000"),
        ("2019-09-14T10:00:00Z\tInformational\tdhcpd\t", "2019-09-14T10:00:00"),
        ("Mar  3 09:00:01\tdhcpd\t3311\t", "2024-03-03T08:00:01"),
        ("Mar  3 09:00:01 head docker/boot-dhcp[7]: ", "2024-03-03T08:00:01"),
        ("Mär 3 09:00:01 head dhcpd[7]: ", "2024-03-03T08:00:01"),
        ("févr. 29 09:00:01 head dhcpd[7]: ", "2024-02-29T08:00:01"),
        (" 3月 03 09:00:01 head dhcpd[7]: ", "2024-03-03T08:00:01"),
        ("> Mar  3 09:00:01 head dhcpd[7]: ", "2024-03-03T08:00:01"),
        ("Quark 3 09:00:01 head dhcpd[7]: ", None),
    ],
)
def test_line_beginnings(prefix: str, seen: str | None) -> None:
    found = facts(prefix + LINE, utc_offset_s=3600)
    assert short(found) == ONE
    assert found[0].seen == (seen and datetime.fromisoformat(seen).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "line",
    [
        "DHCPDISCOVER from B8:27:EB:10:20:30 via eth0",
        "DHCPDISCOVER from b8:27:eb:10:20:30 (pi) via 10.0.0.254: load balance to peer boot",
        "DHCPDISCOVER(eth0) B8:27:EB:10:20:30 ",
    ],
)
def test_messages_alone_on_their_line(line: str) -> None:
    assert short(facts(line)) == [(1, "b8:27:eb:10:20:30", "discover")]


@pytest.mark.parametrize(
    "message",
    [
        "dhcpcd[7]: DHCPREQUEST for 10.0.0.9 from b8:27:eb:10:20:30 via eth0",
        "dhcp-x[7]: DHCPREQUEST for 10.0.0.9 on eth0 to 255.255.255.255 port 67",
        "dhcp-x[7]: Invalid user x: DHCPACK on 10.0.0.9 to b8:27:eb:10:20:30 via eth0",
        "web[7]: DHCPACK on 10.0.0.9 to b8:27:eb:10:20:30 via eth0",
    ],
)
def test_other_programs_words_are_no_dhcp_servers(message: str) -> None:
    text = f"Mar  3 09:00:01 head {message}\nMar  3 09:00:02 head dhcpd[8]: {LINE}"
    assert short(facts(text)) == [(2, *ONE[0][1:])]


LOGS = ("isc-syslog.log", "dnsmasq.log", "kea.log", "journal.json")


@pytest.mark.parametrize("wrapping", ["    {}", "> {}", "{}   "])
@pytest.mark.parametrize("name", LOGS)
def test_logs_within_other_text(name: str, wrapping: str) -> None:
    text = (FIXTURES / "dhcp" / name).read_text(encoding="utf-8")
    wrapped = "\n".join(map(wrapping.format, text.splitlines()))
    assert short(facts(wrapped)) == short(fixture(f"dhcp/{name}"))


@pytest.mark.parametrize("name", LOGS)
def test_words_above_a_log(name: str) -> None:
    text = (FIXTURES / "dhcp" / name).read_text(encoding="utf-8")
    lower = [(line - 2, *rest) for line, *rest in short(facts(f"The log:\n```\n{text}"))]
    assert lower == short(fixture(f"dhcp/{name}"))


def test_a_year_on_one_line_is_not_the_next_ones() -> None:
    text = f"Sep 14 10:00:00 2019 h dhcpd: {LINE}\nSep 14 10:00:00 h dhcpd: {LINE}"
    assert [fact.seen.year for fact in facts(text)] == [2019, 2023]


def test_journalctl_says_its_year() -> None:
    head = (
        "-- Journal begins at Thu 2022-01-27 22:15:01 EST, ends at Sat 2022-02-26 15:51:25 EST. --"
    )
    text = f"{head}\nFeb 26 15:35:26 s dhcpd[8]: {LINE}\nDec 26 15:35:26 s dhcpd[8]: {LINE}\n"
    assert [fact.seen.isoformat() for fact in facts(text)] == [
        "2022-02-26T15:35:26+00:00",
        "2021-12-26T15:35:26+00:00",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "via eth9",
        "x) via eth9: unknown client",
        "b8:27:eb:66:66:66",
        ") via eth0 DHCPOFFER on 10.6.6.6 to b8:27:eb:66:66:66 (",
        "; host x { hardware ethernet b8:27:eb:66:66:66; }",
        '"',
        "",
        "picluster option-97 b8:27:eb:66:66:66 0:1",
    ],
)
def test_a_host_name_changes_nothing(name: str) -> None:
    for verb, event in (
        ("DISCOVER from", ("discover",)),
        ("ACK on 10.0.0.1 to", ("ack", "10.0.0.1")),
    ):
        line = f"Mar  3 09:00:01 head dhcpd[7]: DHCP{verb} b8:27:eb:10:20:30 ({name}) via eth1"
        assert short(facts(line)) == [(1, "b8:27:eb:10:20:30", *event)]


def test_a_log_without_boards_is_refused_with_its_programs() -> None:
    with pytest.raises(PiclusterError, match=r"programs: 'rpc\.mountd', 'CRON'"):
        facts("Aug 27 18:10:59 h rpc.mountd[1]: x\nAug 27 18:17:01 h CRON[2]: (root) CMD (x)\n")


@pytest.mark.parametrize("mac", ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"])
def test_a_mac_address_nobody_owns_is_a_remark(mac: str) -> None:
    [(line, what)] = short(facts(f"dhcpd: DHCPDISCOVER from {mac} via eth1"))
    assert line == 1
    assert mac in str(what)

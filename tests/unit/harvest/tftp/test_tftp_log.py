from __future__ import annotations

from facts_of_files import facts, fixture, short

from picluster.harvest.observation import Kind

BOARD = "b8:27:eb:30:00:01"


def test_a_serial_is_joined_with_the_board_of_the_address() -> None:
    found = fixture("tftp/tftpd-hpa.log")
    assert short(found) == [
        (3, "serial 2a300001 asked for by 10.0.1.101: no DHCP line names its MAC address"),
        (4, BOARD, "offer", "10.0.1.101"),
        (5, "dc:a6:32:30:00:02", "ack", "10.0.1.102"),
        (6, BOARD, "10.0.1.101", "2a300001"),
        (7, "dc:a6:32:30:00:02", "10.0.1.102", "5bd09e11"),
        (8, BOARD, "10.0.1.101", "2a300001"),
        (9, f"serial 2a999999 asked for by 10.0.1.101: {BOARD} has another"),
    ]
    assert [fact.kind for fact in found if hasattr(fact, "kind")] == [
        Kind.DHCP,
        Kind.DHCP,
        Kind.TFTP,
        Kind.TFTP,
        Kind.TFTP,
    ]


def test_a_serial_nobody_owns_is_told_once() -> None:
    line = "Jan 18 19:28:31 h in.tftpd[1]: RRQ from 10.0.1.101 filename 2a300001/start.elf\n"
    assert len(facts(line * 3)) == 1


def test_the_path_is_the_clients_word() -> None:
    text = (
        "dnsmasq-dhcp: DHCPACK(eth0) 10.0.0.1 dc:a6:32:00:00:01\n"
        "in.tftpd: RRQ from 10.0.0.2 filename x to 10.0.0.1 /5bd09e11/a\n"
        "atftpd: Serving 5bd09e11/a to 10.0.0.1:1 to 10.0.0.2:49153\n"
        "dnsmasq-tftp: file /5bd09e11/a not found for 10.0.0.1 not found for 10.0.0.2\n"
    )
    assert short(facts(text)) == [
        (1, "dc:a6:32:00:00:01", "ack", "10.0.0.1"),
        (2, "serial 5bd09e11 asked for by 10.0.0.2: no DHCP line names its MAC address"),
    ]


def test_other_languages() -> None:
    text = (
        "dnsmasq-dhcp: DHCPACK(eth0) 10.0.0.1 dc:a6:32:00:00:01\n"
        "dnsmasq-tftp: /srv/5bd09e11/start4.elf an 10.0.0.1 verschickt\n"
    )
    assert short(facts(text))[1] == (2, "dc:a6:32:00:00:01", "10.0.0.1", "5bd09e11")


def test_a_server_with_a_map_file_names_the_file_twice() -> None:
    """What was asked for counts, not where the server looked for it."""
    text = (
        "dnsmasq-dhcp: DHCPACK(eth0) 10.0.0.1 b8:27:eb:2a:30:01\n"
        "in.tftpd[7]: RRQ from 10.0.0.1 filename start.elf remapped to 12345678/start.elf\n"
        "in.tftpd[8]: RRQ from 10.0.0.1 filename 002a3001/start.elf remapped to "
        "nodes/10.0.0.1/002a3001/start.elf\n"
    )
    assert short(facts(text))[1:] == [(3, "b8:27:eb:2a:30:01", "10.0.0.1", "002a3001")]

"""What power devices print: captured samples, what users report, and hostile text."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picluster.errors import PiclusterError
from picluster.power.dialects import apc, powerman, synaccess, unifi
from picluster.power.dialects.table import MAX_OUTLETS, OutletRow, Table
from picluster.power.dialects.transcript import outlets_in
from picluster.power.model import OutletState

ONE_LINE = (
    "Port | Name       |Status\n"
    "   1 |  #2 Server |   ON |   2 |     #2 Top |   OFF|   3 |  #1 Bottom |   ON |\n"
)


def bits(table: Table) -> str:
    """A table as outlet 1 first: ``10?``; outlets have to be 1, 2, 3, …"""
    assert list(table) == list(range(1, len(table) + 1))
    signs = {OutletState.ON: "1", OutletState.OFF: "0", OutletState.UNKNOWN: "?"}
    return "".join(signs[row.state] for row in table.values())


def names(table: Table) -> list[str]:
    return [row.name for row in table.values()]


#: What outlets each captured file shows: the kind, and outlet 1 first.
CAPTURED: dict[str, list[tuple[str, str]]] = {
    "01-synaccess-np05b-telnet-pshow-oracle.txt": [
        ("Synaccess pshow", "00001"),
        ("Synaccess pshow", "11111"),
    ],
    "03-synaccess-np0501du-http-protocol.txt": [
        ("Synaccess $A5", "00000"),
        ("Synaccess $A5", "10000"),
        ("Synaccess $A5", "11111"),
        ("Synaccess $A5", "10001"),
    ],
    "04-synaccess-variants-facts.txt": [("Synaccess status.xml", "10")],
    "05-apc-rpdu-snmp-oids.txt": [],
    "10-unifi-devmgr-poe-power-cycle.txt": [],
    "11-powerman-pshow-quirk-note.txt": [("Synaccess pshow", "11111")],
    "12-synaccess-official-api-examples.txt": [],
    "14-synaccess-replies-from-tests.txt": [
        ("Synaccess $A5", "10101"),
        ("Synaccess $A5", "01010"),
        ("Synaccess $A5", "11111"),
        ("Synaccess $A5", "00000"),
    ],
}


def test_captured_sessions(shared_data: Path) -> None:
    found = {
        path.name: [(one.kind, bits(one.table)) for one in outlets_in(path.read_text())]
        for path in sorted((shared_data / "pdu").iterdir())
    }
    assert {name: found[name] for name in CAPTURED} == CAPTURED


def test_every_oid_of_the_mib_is_the_one_drivers_use(shared_data: Path) -> None:
    text = (shared_data / "pdu" / "05-apc-rpdu-snmp-oids.txt").read_text()
    for table in apc.TABLES:
        for column in (table.state, table.command):
            assert ".".join(map(str, column)) + ".<outlet>" in text


def test_names_are_kept_apart_from_states() -> None:
    table = synaccess.pshow(ONE_LINE)
    assert (bits(table), names(table)) == ("101", ["#2 Server", "#2 Top", "#1 Bottom"])


@pytest.mark.parametrize(
    ("text", "states"),
    [
        # NP-05B, lines that end with LF CR and a NUL before the prompt
        ("pshow\n\r\n\r\n\rPort | Name       |Status\n\r   1 |    Outlet1 |   OFF|   2 |    Outlet2"
         " |   ON |\r\n>\x00", "01"),
        # NP-08 with a column more
        ("Port | Name       |Status| Reservation\r\n   1 |  CTRLNexys |   ON |\r\n"
         "   2 |    CTRLJCM |   OFF| admin\r\n>", "10"),
        # the oldest firmware
        ("Port | Name | Status\r   1 | Port1 | On\r   2 | Undefined | Off\r>", "10"),
        ("Port | Name |Status\n   1 |            |   ON |\n   2 |    2       |   OFF|\n", "10"),
        ("Port | Name |Status\n   1 |    Outlet1 |   ON |\n   2 |    Outlet2 |   RB |\n", "1?"),
        # no header, but whole
        ("   1 |    Outlet1 |   ON |   2 |    Outlet2 |   OFF|", "10"),
    ],
)  # fmt: skip
def test_outlet_tables_of_other_firmware(text: str, states: str) -> None:
    assert bits(synaccess.pshow(text)) == states


def test_the_last_table_of_an_answer_counts() -> None:
    text = f"{ONE_LINE}>pshow\nPort | Name       |Status\n   1 |    Outlet1 |   OFF|\n>"
    assert bits(synaccess.pshow(text)) == "0"


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (synaccess.pshow, ""),
        (synaccess.pshow, "Port | Name       |Status\n"),
        (synaccess.pshow, "Please log in\r\n>"),
        (synaccess.pshow, "> pset 1 1\r\n>"),
        (synaccess.status_line, ""),
        (synaccess.status_line, "$A0"),
        (synaccess.status_line, "$AF"),
        (synaccess.status_line, "$A0,123"),
        (synaccess.status_line, "$A0,NP0501DU, HW4.3 BL1.6 -7.72-8.5"),
        (synaccess.status_line, "$A0,NP0501DU"),
        (synaccess.status_line, "Success!"),
        (synaccess.status_line, "<html>11111</html>"),
        (synaccess.status_line, "1" * 25),
        (synaccess.status_line, "\u0661\u0661"),
        (synaccess.status_xml, "<response></response>"),
        (synaccess.status_xml, "<rly0>2</rly0>"),
        (synaccess.status_xml, "<rly0>1</rly1>"),
        (synaccess.status_page, "<html>It works!</html>"),
        (synaccess.sysshow, "Outlet Status"),
        (apc.master_state, ""),
        (apc.master_state, "On On Perhaps"),
    ],
)
def test_what_holds_no_outlets(read: Callable[[str], Table], text: str) -> None:
    with pytest.raises(PiclusterError, match="no outlet in "):
        read(text)


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("$A0,10101,2.50,25\r\n\r\n\r\n", "10101"),
        ("$A0,00001,0.15,XX", "10000"),
        ("0011,0.5,21", "1100"),
        ("0011,0.5,0.7,21", "1100"),
        ("11110", "01111"),
        ("$A0,00000'", "00000"),
    ],
)
def test_status_lines(text: str, states: str) -> None:
    assert bits(synaccess.status_line(text)) == states


def test_status_xml_counts_relays_from_0_in_any_order() -> None:
    text = (
        "<response>\r\n<rly1>0</rly1>\r\n<rly2>1</rly2>\r\n<rly0>1</rly0>\r\n<ac0></ac0></response>"
    )
    assert {row.number: row.state.value for row in synaccess.status_xml(text).values()} == {
        1: "on", 2: "off", 3: "on",
    }  # fmt: skip


def test_the_oldest_status_page() -> None:
    text = (
        '<TR><TH>1<TH><A HREF="/pwrSw1.cgi"><img SRC="button.gif"></A><TH>\n<A HREF="/pwrRb1.cgi">'
        '<img SRC="button.gif" ></A><TH><img SRC="ledon.gif"><TH>Port1<TH>Open\n'
        '<TR><TH>2<TH><A HREF="/pwrSw2.cgi"><img SRC="button.gif"></A><TH>\n'
        '<img SRC="ledoff.gif"><TH>Undefined<TH>Open\n'
    )
    assert bits(synaccess.status_page(text)) == "10"


def test_sysshow() -> None:
    text = "Ethernet Port is ON\r\nOutlet Status(1-On, 0-Off. Outlet 1 to 5): 1 0 0 1 0\r\n>"
    assert bits(synaccess.sysshow(text)) == "10010"


def test_master_state() -> None:
    assert bits(apc.master_state("On  On Off ")) == "110"


@pytest.mark.parametrize(
    "text",
    [
        # an outlet named so that it forges a row
        "Port | Name       |Status\n   1 | a|ON|2|b |   OFF|\n   2 |    Outlet2 |   OFF|\n",
        "Port | Name       |Status\n   1 |    Outlet1 |   ON |\n   1 |    Outlet1 |   OFF|\n",
        "Port | Name       |Status\n   0 |    Outlet1 |   ON |\n",
    ],
)
def test_forged_tables_are_not_believed(text: str) -> None:
    with pytest.raises(PiclusterError, match=r"has outlet \d twice|has an outlet 0"):
        synaccess.pshow(text)


def test_walks_of_an_apc_unit() -> None:
    text = (
        "SNMPv2-SMI::enterprises.318.1.1.12.3.5.1.1.4.1 = INTEGER: 1\n"
        "SNMPv2-SMI::enterprises.318.1.1.12.3.5.1.1.4.2 = INTEGER: 2\n"
        ".1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.1 = INTEGER: 2\n"
        "iso.3.6.1.4.1.318.1.1.26.9.2.3.1.5.2 = INTEGER: 1\n"
        'SNMPv2-SMI::enterprises.318.1.1.4.2.2.0 = STRING: "On On Off "\n'
    )
    assert sorted((one.kind, bits(one.table)) for one in outlets_in(text)) == [
        ("APC SNMP", "10"), ("APC SNMP", "10"), ("APC SNMP", "110"),
    ]  # fmt: skip
    named = (
        "PowerNet-MIB::rPDUOutletStatusOutletState.1 = INTEGER: outletStatusOn(1)\n"
        "PowerNet-MIB::rPDUOutletStatusOutletState.2 = INTEGER: outletStatusOff(2)\n"
    )
    assert [bits(one.table) for one in outlets_in(named)] == ["10"]


@pytest.mark.parametrize(
    "text",
    [
        "------- Outlet Control -----\r\n\r\n     1- Outlet 1                 ON\r\n"
        "     2- pi #2                    OFF*\r\n\r\n     <ESC>- Back\r\n> ",
        "apc>olStatus all\r\nE000: Success\r\n 1: Outlet 1: On\r\n 2: Outlet 2: Off\r\napc>",
    ],
)
def test_terminal_sessions_of_an_apc_unit(text: str) -> None:
    assert [(one.kind, bits(one.table)) for one in outlets_in(text)] == [("APC terminal", "10")]


def test_powerman_answers() -> None:
    text = (
        "001 2.3.27\r\n"
        "303 pdu-1-1: off\r\n303 pdu-1-2: on\r\n303 pdu-1-3: unknown\r\n103 Query complete\r\n"
        "powerman> "
    )
    lines = powerman.answer_lines(text)
    assert {plug: state.value for plug, state in powerman.plug_states(lines).items()} == {
        "pdu-1-1": "off", "pdu-1-2": "on", "pdu-1-3": "unknown",
    }  # fmt: skip
    assert powerman.failure(lines) is None
    refused = powerman.answer_lines("209 No such nodes: nope\r\npowerman> ")
    assert powerman.failure(refused) == "No such nodes: nope"
    assert [bits(one.table) for one in outlets_in(text)] == ["01?"]


DEVICE = {
    "mac": "74:AC:B9:00:00:0B",
    "_id": "5b84",
    "port_table": [
        {"port_idx": 1, "port_poe": True, "poe_mode": "auto", "portconf_id": "p"},
        {"port_idx": 2, "port_poe": True, "poe_mode": "off", "portconf_id": "p"},
        {"port_idx": 3, "port_poe": True, "poe_mode": "strange"},
        {"port_idx": 49, "port_poe": False},
    ],
    "port_overrides": [
        {"port_idx": 2, "portconf_id": "own", "poe_mode": "off", "name": "board 2"},
        {"port_idx": 49, "name": "uplink"},
        {"name": "without a number"},
    ],
}  # fmt: skip


def test_poe_ports_of_a_switch() -> None:
    device = unifi.device_of([7, {}, DEVICE], "74:ac:b9:00:00:0b")
    table = unifi.outlets(device)
    assert {n: row.state.value for n, row in table.items()} == {1: "on", 2: "off", 3: "unknown"}


def test_switching_a_port_leaves_every_other_setting_as_it_is() -> None:
    assert unifi.overrides(DEVICE, 1, on=False) == {
        "port_overrides": [
            *DEVICE["port_overrides"],  # type: ignore[misc]
            {"port_idx": 1, "portconf_id": "p", "poe_mode": "off"},
        ]
    }
    changed = unifi.overrides(DEVICE, 2, on=True)["port_overrides"]
    assert changed[0] == {
        "port_idx": 2, "portconf_id": "own", "poe_mode": "auto", "name": "board 2",
    }  # fmt: skip
    assert changed[1:] == DEVICE["port_overrides"][1:]  # type: ignore[index]
    assert DEVICE["port_overrides"][0]["poe_mode"] == "off"  # type: ignore[index]


def test_outlets_of_a_unifi_pdu() -> None:
    device = {
        "outlet_table": [
            {"index": 1, "relay_state": True, "name": "USB"},
            {"index": 2, "relay_state": False, "name": "bank 11"},
        ],
        "outlet_overrides": [
            {"index": 1, "name": "USB", "relay_state": True, "cycle_enabled": True}
        ],
    }
    assert bits(unifi.outlets(device)) == "10"
    assert unifi.overrides(device, 2, on=True) == {
        "outlet_overrides": [
            {"index": 1, "name": "USB", "relay_state": True, "cycle_enabled": True},
            {"index": 2, "name": "bank 11", "relay_state": True},
        ]
    }


@pytest.mark.parametrize(
    "device",
    [{}, {"port_table": "none"}, {"port_table": [{"port_poe": True, "poe_mode": "auto"}]},
     {"port_table": [{"port_poe": True, "port_idx": True}]},
     {"port_table": [{"port_poe": True, "port_idx": 1}, {"port_poe": True, "port_idx": 1}]}],
)  # fmt: skip
def test_devices_that_make_no_sense(device: dict[str, object]) -> None:
    with pytest.raises(PiclusterError):
        unifi.outlets(device)


def test_a_device_the_controller_does_not_know() -> None:
    with pytest.raises(PiclusterError, match="knows no device 00:11:22:33:44:55"):
        unifi.device_of([DEVICE], "00:11:22:33:44:55")


READERS = (
    synaccess.pshow, synaccess.sysshow, synaccess.status_line, synaccess.status_xml,
    synaccess.status_page, apc.master_state,
)  # fmt: skip

_PIECES = st.sampled_from(
    [
        "Port | Name |Status\n", "1 | x | ON |", "2|", "|", "OFF", "$A0,", "101", ",", "\r", "\0",
        "\n", ">", "<rly0>", "</rly0>", "0", "<TR><TH>1<TH>", "ledon.gif", "99999", "\x1b[2J",
        "Outlet Status(1): 1 0", "303 a: on", "<response>", "</response>", "port_table",
        '{"data": [{"port_table": []}]}', " 1- a ON\n",
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(_PIECES | st.text(max_size=6), max_size=40).map("".join))
def test_any_text_gives_outlets_or_one_refusal(text: str) -> None:
    for read in READERS:
        table, message = _read(read, text)
        assert message.isprintable()
        assert all(1 <= n <= MAX_OUTLETS and row.number == n for n, row in table.items())
    with suppress(PiclusterError):
        outlets_in(text)


def _read(read: Callable[[str], Table], text: str) -> tuple[Table, str]:
    try:
        return read(text), ""
    except PiclusterError as error:
        return {}, str(error)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="|"),
                    max_size=10),
        ),
        min_size=1, max_size=16,
    ),
    st.booleans(),
)  # fmt: skip
def test_whatever_outlets_are_called_their_states_are_read(
    outlets: list[tuple[bool, str]], one_line: bool
) -> None:
    rows = (
        f"{n:4} | {name:>10} |   {'ON ' if on else 'OFF'}|" + ("" if one_line else "\n\r")
        for n, (on, name) in enumerate(outlets, 1)
    )
    table = synaccess.pshow(f"pshow\n\rPort | Name       |Status\n\r{''.join(rows)}\r\n>")
    assert table == {
        n: OutletRow(n, OutletState.ON if on else OutletState.OFF, name.strip())
        for n, (on, name) in enumerate(outlets, 1)
    }


@pytest.mark.timeout(120)
def test_huge_answers_are_read_in_no_time() -> None:
    noise = random.Random(7)
    for unit in ("|", "1 |", "1 | x | ON |", "<rly", "<TR>", "$A0,1", " " * 99, "1 | "):
        text = unit * (200_000 // len(unit)) + chr(noise.randrange(32, 127))
        for read in (*READERS, outlets_in):
            with suppress(PiclusterError):
                read(text)

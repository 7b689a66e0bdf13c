"""Rows of an SNMP agent that nobody should trust."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from picluster.harvest.live.bridge_mib import Tables, facts_of_tables
from picluster.harvest.observation import Fact, Kind, Observation, Remark

MAC = (0xB8, 0x27, 0xEB, 0x11, 0, 1)
TABLES = Tables(
    if_index={(4,): 104},
    names={(104,): b"ge-0/0/4"},
    ports={(7, *MAC): 4},
    status={(7, *MAC): 3},
    fdb_of_vlan={(0, 30): 7},
    q_bridge=True,
)
STATION = Observation(
    "b8:27:eb:11:00:01",  # type: ignore[arg-type]
    Kind.SWITCH,
    "snmp:sw",
    switch="sw",
    port="ge-0/0/4",
    vlan="30",
)


def facts(tables: Tables) -> list[Fact]:
    found = facts_of_tables(tables, "snmp:sw", "sw")
    return [replace(f, seen=None) if isinstance(f, Observation) else f for f in found]


def test_port_name_and_vlan_come_from_their_tables() -> None:
    assert facts(TABLES) == [STATION]


def test_vlan_asked_for_goes_before_the_table() -> None:
    assert facts(replace(TABLES, vlan=12)) == [replace(STATION, vlan="12")]


def test_missing_status_counts_as_learned() -> None:
    assert facts(replace(TABLES, status={})) == [STATION]


def test_broken_rows_are_remarks() -> None:
    ports = {
        (7, *MAC[:5]): 4,
        (7, *MAC, 1): 4,
        (7, 0, 0, 0, 0, 0, 0): 4,
        (7, 300, *MAC[1:]): 4,
        (7, *MAC): b"four",
    }
    assert facts(replace(TABLES, ports=ports)) == [
        Remark("sw: not an index of a MAC address: '184.39.235.17.0'", "snmp:sw"),
        Remark("sw: not an index of a MAC address: '184.39.235.17.0.1.1'", "snmp:sw"),
        Remark("sw: all-zero MAC address: '000000000000'", "snmp:sw"),
        Remark("sw: not an index of a MAC address: '300.39.235.17.0.1'", "snmp:sw"),
        Remark("sw: not a bridge port: b'four'", "snmp:sw"),
    ]


def test_odd_status_is_shown() -> None:
    assert facts(replace(TABLES, status={(7, *MAC): b"\n'"})) == [
        Remark('sw: b8:27:eb:11:00:01 is of status b"\\n\'": not a station', "snmp:sw")
    ]


INDEXES = st.lists(st.integers(0, 2**32 - 1), max_size=9).map(tuple)
COLUMNS = st.dictionaries(INDEXES, st.one_of(st.integers(), st.binary(max_size=80)), max_size=9)


@given(COLUMNS, COLUMNS, COLUMNS, COLUMNS, COLUMNS, st.booleans())
def test_every_row_gives_one_printable_fact(
    if_index: dict[tuple[int, ...], int | bytes],
    names: dict[tuple[int, ...], int | bytes],
    ports: dict[tuple[int, ...], int | bytes],
    status: dict[tuple[int, ...], int | bytes],
    vlans: dict[tuple[int, ...], int | bytes],
    q_bridge: bool,
) -> None:
    found = facts(Tables(if_index, names, ports, status, vlans, q_bridge))
    assert len(found) == len(ports)
    for fact in found:
        text = fact.what if isinstance(fact, Remark) else f"{fact.port} {fact.vlan}"
        assert text.isprintable()
        assert len(text) < 200

"""Switches asked by SNMP: pysnmp's manager against pysnmp's agent, on the loopback interface."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from picluster.errors import PiclusterError
from picluster.harvest.live import snmp
from picluster.harvest.live.access import Secrets, SwitchAccess
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from twin.devices.fdb import FdbEntry
from twin.devices.switch_snmp import Mode, SwitchSnmp, V3User

COMMUNITY = Secrets(snmp_community="rack-walk")
USER = V3User("harvest", "authpass-47", "privpass-47")
V3 = Secrets(snmp_user=USER.name, snmp_auth=USER.auth, snmp_priv=USER.priv)
FDB = [
    FdbEntry("b8:27:eb:11:00:01", 1),
    FdbEntry("b8:27:eb:11:00:02", 3),
    FdbEntry("b8:27:eb:11:00:03", 4, 20),
]

Start = Callable[..., tuple[SwitchSnmp, SwitchAccess]]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[SwitchSnmp] = []

    def begin(
        fdb: list[FdbEntry] = FDB, *, limit_s: float = 20.0, **options: object
    ) -> tuple[SwitchSnmp, SwitchAccess]:
        switch = SwitchSnmp(
            lambda: fdb,
            community="rack-walk",
            user=USER,
            **options,  # type: ignore[arg-type]
        ).start()
        running.append(switch)
        access = SwitchAccess("sw-11", switch.address, snmp_port=switch.port, limit_s=limit_s)
        return switch, access

    yield begin
    for switch in running:
        switch.stop()


def harvest(access: SwitchAccess, secrets: Secrets = COMMUNITY) -> list[Fact]:
    facts = list(snmp.observe_switch(access, secrets))
    assert all(f.seen is not None for f in facts if isinstance(f, Observation))
    return [replace(f, seen=None) if isinstance(f, Observation) else f for f in facts]


def message(access: SwitchAccess, secrets: Secrets = COMMUNITY) -> str:
    with pytest.raises(PiclusterError) as caught:
        list(snmp.observe_switch(access, secrets))
    text = str(caught.value).replace(f":{access.snmp_port}/", ":PORT/")
    for secret in (secrets.snmp_community, secrets.snmp_auth, secrets.snmp_priv):
        assert secret is None or secret not in text
    return re.sub(r"after \d+\.\d s", "after T s", text)


def seen(mac: str, port: str, vlan: str | None = None) -> Observation:
    return Observation(
        mac,  # type: ignore[arg-type]
        Kind.SWITCH,
        "snmp:sw-11",
        switch="sw-11",
        port=port,
        vlan=vlan,
    )


@pytest.mark.parametrize("secrets", [COMMUNITY, V3], ids=["v2c", "v3"])
def test_q_bridge_tells_ports_by_name_and_vlans(start: Start, secrets: Secrets) -> None:
    _, access = start(fdb_of_vlan={1: 7, 20: 20})
    assert harvest(access, secrets) == [
        seen("b8:27:eb:11:00:01", "0/1", "1"),
        seen("b8:27:eb:11:00:02", "0/3", "1"),
        seen("b8:27:eb:11:00:03", "0/4", "20"),
    ]


def test_vlans_that_share_a_database_are_not_guessed(start: Start) -> None:
    _, access = start(fdb_of_vlan={1: 7, 20: 7})
    assert [f.vlan for f in harvest(access) if isinstance(f, Observation)] == [None] * 3


@pytest.mark.parametrize("secrets", [COMMUNITY, V3], ids=["v2c", "v3"])
def test_vlans_asked_one_by_one(start: Start, secrets: Secrets) -> None:
    _, access = start(contexts=[1, 20], q_bridge=False)
    assert harvest(replace(access, snmp_contexts=(1, 20)), secrets) == [
        seen("b8:27:eb:11:00:01", "0/1", "1"),
        seen("b8:27:eb:11:00:02", "0/3", "1"),
        seen("b8:27:eb:11:00:03", "0/4", "20"),
    ]


def test_bridge_mib_where_q_bridge_is_empty(start: Start) -> None:
    _, access = start(q_bridge=False)
    assert harvest(access) == [
        seen("b8:27:eb:11:00:01", "0/1"),
        seen("b8:27:eb:11:00:02", "0/3"),
        seen("b8:27:eb:11:00:03", "0/4"),
    ]


def test_port_without_a_usable_name_keeps_its_bridge_number(start: Start) -> None:
    _, access = start(FDB[:2], names={1: "Gi\n1", 3: "Gi0/3"})
    assert harvest(access) == [
        seen("b8:27:eb:11:00:01", "1", "1"),
        seen("b8:27:eb:11:00:02", "Gi0/3", "1"),
    ]


def test_rows_that_are_no_stations_are_remarked(start: Start) -> None:
    _, access = start(
        [
            FdbEntry("b8:27:eb:11:00:01", 1),
            FdbEntry("74:ac:b9:00:00:01", 2, status=4),
            FdbEntry("74:ac:b9:00:00:02", 2, status=5),
            FdbEntry("74:ac:b9:00:00:03", 2, status=2),
            FdbEntry("74:ac:b9:00:00:04", 0),
            FdbEntry("01:00:5e:00:00:01", 2),
        ]
    )
    assert harvest(access) == [
        Remark("sw-11: multicast or broadcast MAC address: '01005e000001'", "snmp:sw-11"),
        Remark("sw-11: 74:ac:b9:00:00:01 is 'self': not a station", "snmp:sw-11"),
        Remark("sw-11: 74:ac:b9:00:00:02 is 'mgmt': not a station", "snmp:sw-11"),
        Remark("sw-11: 74:ac:b9:00:00:03 is 'invalid': not a station", "snmp:sw-11"),
        Remark("sw-11: 74:ac:b9:00:00:04 is at port 0: not a station", "snmp:sw-11"),
        seen("b8:27:eb:11:00:01", "0/1", "1"),
    ]


def test_a_thousand_boards_arrive_complete(start: Start) -> None:
    fdb = [
        FdbEntry(f"b8:27:eb:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}", 1 + i % 48)
        for i in range(1050)
    ]
    _, access = start(fdb)
    assert harvest(access) == [seen(e.mac, f"0/{e.port}", "1") for e in fdb]


def test_wrong_community_is_not_answered(start: Start) -> None:
    begin = time.monotonic()
    _, access = start()
    assert message(access, Secrets(snmp_community="wrong-one")) == (
        "snmp:sw-11: 127.0.0.1:PORT/udp: no answer (walk dot1dBasePortIfIndex, after T s); "
        "check its address and that SNMP is on; a wrong community is not answered either"
    )
    assert time.monotonic() - begin < 9


def test_time_limit_holds(start: Start) -> None:
    _, access = start(mode=Mode.SILENT, limit_s=1)
    begin = time.monotonic()
    assert message(access) == (
        "snmp:sw-11: 127.0.0.1:PORT/udp: no complete answer within 1 s "
        "(walk dot1dBasePortIfIndex, after T s); "
        "check the switch's load, or give it a longer --timeout"
    )
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize(
    ("secrets", "why"),
    [
        (replace(V3, snmp_user="nobody"), "Unknown USM user"),
        (replace(V3, snmp_auth="authpass-48"), "Wrong SNMP PDU digest"),
        (replace(V3, snmp_priv=None), "Unsupported SNMP security level"),
    ],
)
def test_v3_refusals_say_why(start: Start, secrets: Secrets, why: str) -> None:
    _, access = start()
    text = message(access, secrets)
    assert text == (
        f"snmp:sw-11: 127.0.0.1:PORT/udp: refused: '{why}' (walk dot1dBasePortIfIndex, after T s); "
        "check SNMP user, passwords and protocols"
    )


def test_agent_that_turns_in_circles(start: Start) -> None:
    _, access = start(mode=Mode.LOOP)
    assert message(access) == (
        "snmp:sw-11: 127.0.0.1:PORT/udp: broken answer: 'rows out of order' "
        "(walk dot1dBasePortIfIndex, after T s); check the agent by hand with snmpwalk"
    )


def test_agent_without_a_forwarding_database(start: Start) -> None:
    _, access = start([])
    assert message(access) == (
        "snmp:sw-11: 127.0.0.1:PORT/udp: it shows no forwarding database "
        "(walk dot1dTpFdbStatus, after T s); let the SNMP user see 1.3.6.1.2.1.17; "
        "an old Cisco wants snmp_contexts described"
    )


def test_no_secret_is_said_before_asking() -> None:
    assert message(SwitchAccess("sw-11", "192.0.2.1"), Secrets()) == (
        "snmp:sw-11: no SNMP community or user; set PICLUSTER_SNMP_COMMUNITY, "
        "PICLUSTER_SNMP_COMMUNITY_FILE or PICLUSTER_SNMP_USER"
    )

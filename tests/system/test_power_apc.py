"""Driver ``apc``: pysnmp's manager against a simulated unit's agent, on loopback."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from power_support import LOOPBACK, SECRET, cycle, drive, look, message, turn

from picluster.cluster.model import Pdu
from picluster.power.driver import PowerSession
from picluster.power.drivers.context import Surroundings
from twin.devices.outlets import Outlets
from twin.devices.pdu_apc import ApcPdu, Generation, Mode
from twin.devices.snmp_engine import V3User

COMMUNITY = Surroundings(environ={"PICLUSTER_PDU_COMMUNITY": SECRET})
USER = V3User("powerful", "authpass-47", "privpass-47")
V3 = Surroundings(
    environ={
        "PICLUSTER_SNMP_USER": USER.name,
        "PICLUSTER_SNMP_AUTH_PASSWORD": USER.auth,
        "PICLUSTER_SNMP_PRIV_PASSWORD": USER.priv,
    }
)

Start = Callable[..., tuple[ApcPdu, Pdu]]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[ApcPdu] = []

    def begin(limit_s: float = 15.0, **options: object) -> tuple[ApcPdu, Pdu]:
        options.setdefault("outlets", Outlets(8, on=[1, 3]))
        unit = ApcPdu(community=SECRET, user=USER, **options).start()  # type: ignore[arg-type]
        running.append(unit)
        return unit, Pdu("pdu-2", LOOPBACK, "apc", port=unit.port, timeout_s=limit_s)

    yield begin
    for unit in running:
        unit.stop()


def changes(outlets: Outlets) -> list[tuple[int, bool]]:
    return [(change.outlet, change.on) for change in outlets.history]


@pytest.mark.parametrize("generation", list(Generation))
@pytest.mark.parametrize(
    ("version", "around"),
    [("v1", COMMUNITY), ("v2c", COMMUNITY), ("v3", V3), (None, V3), (None, COMMUNITY)],
    ids=["v1", "v2c", "v3", "v3-by-user", "v2c-by-default"],
)
def test_every_table_by_every_version(
    start: Start,
    generation: Generation,
    version: str | None,
    around: Surroundings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    unit, pdu = start(generation=generation)

    async def use(session: PowerSession) -> str:
        before = await look(session)
        await session.switch(2, on=True)
        await session.switch(3, on=False)
        return before

    with caplog.at_level(logging.DEBUG):
        assert drive(replace(pdu, snmp_version=version), around, use) == "101"
    assert changes(unit.outlets) == [(2, True), (3, False)]
    for secret in (SECRET, USER.auth, USER.priv):
        assert secret not in caplog.text


@pytest.mark.parametrize("table", [str(generation) for generation in Generation])
def test_the_table_described_is_the_only_one_asked_for(start: Start, table: str) -> None:
    _, pdu = start(generation=Generation.RPDU)
    named = replace(pdu, snmp_table=table)
    if table == "rpdu":
        assert drive(named, COMMUNITY, look) == "101"
    else:
        assert message(named, COMMUNITY, look, dead=False) == (
            f"pdu-2: 127.0.0.1:PORT/udp: it has no outlet 1 (asked for in: {table}) (read outlet 1 "
            f"({table}), after T s); correct the description; or let the SNMP user see and write "
            "1.3.6.1.4.1.318"
        )


def test_a_cycle_is_an_off_and_an_on_even_of_what_is_off(start: Start) -> None:
    unit, pdu = start()
    drive(pdu, COMMUNITY, cycle(1))
    drive(pdu, COMMUNITY, cycle(2))
    assert changes(unit.outlets) == [(1, False), (1, True), (2, True)]


def test_a_sequencer_is_waited_for(start: Start) -> None:
    unit, pdu = start(outlets=Outlets(8, delay_s=1.5))
    drive(pdu, COMMUNITY, turn(5, on=True))
    assert changes(unit.outlets) == [(5, True)]


@pytest.mark.parametrize(
    ("mode", "text", "dead"),
    [
        (Mode.READ_ONLY, "refused: 'notWritable' (switch outlet 2 on, after T s); check SNMP user, "
         "passwords and protocols", False),
        (Mode.ODD_STATE, "outlet 2 was switched on and is unknown 3 s later (read outlet 2 (rpdu), "
         "after T s); look at the PDU: a delay, an interlock or a stuck relay", False),
        (Mode.SILENT, "no complete answer within 4 s (read outlet 2 (rpdu2), after T s); check the "
         "PDU by hand, or give it a longer timeout_s", True),
    ],
)  # fmt: skip
def test_units_that_fail(start: Start, mode: Mode, text: str, dead: bool) -> None:
    _, pdu = start(4.0, mode=mode)
    begin = time.monotonic()
    found = message(pdu, COMMUNITY, turn(2, on=True), dead=dead)
    assert found == f"pdu-2: 127.0.0.1:PORT/udp: {text}"
    assert time.monotonic() - begin < 30


def test_no_answer_at_all(start: Start) -> None:
    _, pdu = start(20.0, mode=Mode.SILENT)
    assert message(pdu, COMMUNITY, look) == (
        "pdu-2: 127.0.0.1:PORT/udp: no answer (read outlet 1 (rpdu2), after T s); check its "
        "address and that SNMP is on; a wrong community is not answered either"
    )


def test_a_slow_agent_is_waited_for(start: Start) -> None:
    unit, pdu = start(mode=Mode.SLOW)
    drive(pdu, COMMUNITY, turn(2, on=True))
    assert unit.outlets.on(2)


def test_a_stuck_relay(start: Start) -> None:
    _, pdu = start(3.0, outlets=Outlets(8, stuck=[2]))
    text = message(pdu, COMMUNITY, turn(2, on=True), dead=False)
    assert text.startswith("pdu-2: 127.0.0.1:PORT/udp: outlet 2 was switched on and is off ")


def test_wrong_credentials(start: Start) -> None:
    _, pdu = start(20.0)
    wrong = Surroundings(environ={"PICLUSTER_PDU_COMMUNITY": "wrong-one"})
    assert "a wrong community is not answered either" in message(pdu, wrong, look)
    wrong = Surroundings(environ={**V3.environ, "PICLUSTER_SNMP_AUTH_PASSWORD": "authpass-48"})
    assert message(pdu, wrong, look) == (
        "pdu-2: 127.0.0.1:PORT/udp: refused: 'Wrong SNMP PDU digest' (read outlet 1 (rpdu2), after "
        "T s); check SNMP user, passwords and protocols"
    )


def test_no_credentials(start: Start) -> None:
    _, pdu = start()
    assert message(pdu, Surroundings(environ={}), look, dead=False) == (
        "pdu-2: no SNMP write community; set PICLUSTER_PDU_COMMUNITY or "
        "PICLUSTER_PDU_COMMUNITY_FILE, or PICLUSTER_SNMP_USER"
    )
    assert message(replace(pdu, snmp_version="v3"), Surroundings(environ={}), look, dead=False) == (
        "pdu-2: no SNMPv3 user; describe its username or set PICLUSTER_SNMP_USER"
    )

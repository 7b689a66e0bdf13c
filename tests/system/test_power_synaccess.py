"""Driver ``synaccess`` against simulated units that speak as captured ones do, on loopback."""

from __future__ import annotations

import asyncio
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
from twin.devices.pdu_synaccess import FIRMWARE, Login, Mode, SynaccessPdu
from twin.devices.pdu_synaccess_web import Mode as WebMode
from twin.devices.pdu_synaccess_web import SynaccessWeb, Ways

AROUND = Surroundings(environ={"PICLUSTER_PDU_PASSWORD": SECRET})
NOBODY = Surroundings(environ={})
NAMES = {1: "#2 Server", 2: "Pi#4 (N/A)", 3: "1 | OFF"[:2]}

Telnet = Callable[..., tuple[SynaccessPdu, Pdu]]
Web = Callable[..., tuple[SynaccessWeb, Pdu]]


@pytest.fixture
def telnet() -> Iterator[Telnet]:
    running: list[SynaccessPdu] = []

    def begin(limit_s: float = 15.0, **options: object) -> tuple[SynaccessPdu, Pdu]:
        options.setdefault("outlets", Outlets(on=[1, 3], names=NAMES))
        unit = SynaccessPdu(password=SECRET, **options).start()  # type: ignore[arg-type]
        running.append(unit)
        return unit, Pdu("pdu-1", LOOPBACK, "synaccess", port=unit.port, timeout_s=limit_s)

    yield begin
    for unit in running:
        unit.stop()


@pytest.fixture
def web() -> Iterator[Web]:
    running: list[SynaccessWeb] = []

    def begin(limit_s: float = 15.0, **options: object) -> tuple[SynaccessWeb, Pdu]:
        options.setdefault("outlets", Outlets(on=[1, 3]))
        unit = SynaccessWeb(password=SECRET, **options).start()  # type: ignore[arg-type]
        running.append(unit)
        pdu = Pdu("pdu-1", LOOPBACK, "synaccess", protocol="http", port=unit.port)
        return unit, replace(pdu, timeout_s=limit_s)

    yield begin
    for unit in running:
        unit.stop()


def changes(outlets: Outlets) -> list[tuple[int, bool]]:
    return [(change.outlet, change.on) for change in outlets.history]


@pytest.mark.parametrize("firmware", list(FIRMWARE))
def test_every_firmware_is_read_and_switched(
    telnet: Telnet, firmware: str, caplog: pytest.LogCaptureFixture
) -> None:
    unit, pdu = telnet(firmware=FIRMWARE[firmware])

    async def use(session: PowerSession) -> str:
        before = await look(session)
        await session.switch(2, on=True)
        await session.switch(3, on=False)
        return before

    with caplog.at_level(logging.DEBUG):
        assert drive(pdu, AROUND, use) == "10100"
    assert changes(unit.outlets) == [(2, True), (3, False)]
    assert (unit.sessions, unit.logouts) == (1, 1)
    assert SECRET not in caplog.text
    assert SECRET not in " ".join(unit.lines)


@pytest.mark.parametrize(
    "firmware", [name for name, kind in FIRMWARE.items() if kind.login is Login.NONE]
)
def test_no_password_no_login(telnet: Telnet, firmware: str) -> None:
    unit, pdu = telnet(firmware=FIRMWARE[firmware])
    assert drive(pdu, NOBODY, look) == "10100"
    assert "login" not in unit.lines


def test_a_cycle_is_an_off_and_an_on(telnet: Telnet) -> None:
    unit, pdu = telnet()
    drive(pdu, AROUND, cycle(1, 0.4))
    assert changes(unit.outlets) == [(1, False), (1, True)]
    off, on = unit.outlets.history
    assert on.at - off.at >= 0.4


def test_a_slow_unit_and_a_slow_relay_are_waited_for(telnet: Telnet) -> None:
    unit, pdu = telnet(outlets=Outlets(delay_s=1.2), firmware=FIRMWARE["np05b-login"], answer_s=0.3)
    drive(pdu, AROUND, turn(4, on=True))
    assert changes(unit.outlets) == [(4, True)]


def test_the_account_described_is_used(telnet: Telnet) -> None:
    unit, pdu = telnet(firmware=FIRMWARE["np05b-login"], username="rack")
    assert message(pdu, AROUND, look) == (
        "pdu-1: 127.0.0.1:PORT: login refused (log in, after T s); check username and password"
    )
    assert drive(replace(pdu, username="rack"), AROUND, look) == "10100"
    assert unit.logouts == 2


@pytest.mark.parametrize("firmware", ["np05b-login", "np08", "rev-a"])
def test_wrong_password(telnet: Telnet, firmware: str) -> None:
    _, pdu = telnet(firmware=FIRMWARE[firmware])
    wrong = Surroundings(environ={"PICLUSTER_PDU_PASSWORD": "not-this-one"})
    text = message(pdu, wrong, look)
    assert text.startswith("pdu-1: 127.0.0.1:PORT: ")
    assert text.endswith(
        ("login refused (log in, after T s); check username and password",
         "the PDU ended the session (log in, after T s); it takes one session at a time: see "
         "whether another one is open")
    )  # fmt: skip


def test_a_login_that_is_wanted_and_not_given(telnet: Telnet) -> None:
    give = "describe its username and set PICLUSTER_PDU_PASSWORD or PICLUSTER_PDU_PASSWORD_FILE"
    _, pdu = telnet(firmware=FIRMWARE["rev-a"])
    assert message(pdu, NOBODY, look) == (
        f"pdu-1: 127.0.0.1:PORT: it asks for a login (log in, after T s); {give}"
    )
    _, pdu = telnet(firmware=FIRMWARE["np08"])
    assert message(pdu, NOBODY, look) == (
        "pdu-1: 127.0.0.1:PORT: no clear outlet table in its answer (pshow, after T s); try it by "
        f"hand with telnet; where it wants a login, {give}"
    )


BY_HAND = "try it by hand with telnet"
ENDED = (
    "the PDU ended the session ({step}, after T s); it takes one session at a time: see whether "
    "another one is open"
)


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        (Mode.HANGS, "no complete answer within 3 s (wait for the prompt, after T s); check the "
         "PDU by hand, or give it a longer timeout_s"),
        (Mode.GARBAGE, f"no clear outlet table in its answer (pshow, after T s); {BY_HAND}"),
        (Mode.FORGES, f"no clear outlet table in its answer (pshow, after T s); {BY_HAND}"),
        (Mode.FLOOD, f"more than 64 KiB of answer (pshow, after T s); {BY_HAND}"),
        (Mode.DROPS_AT_PSHOW, ENDED.format(step="pshow")),
        (Mode.REFUSES, "login refused (log in, after T s); check username and password"),
    ],
)  # fmt: skip
def test_units_that_fail_when_they_are_read(telnet: Telnet, mode: Mode, what: str) -> None:
    limit_s = 3.0 if mode is Mode.HANGS else 12.0
    _, pdu = telnet(limit_s, mode=mode, firmware=FIRMWARE["np05b-login"])
    begin = time.monotonic()
    assert message(pdu, AROUND, look) == f"pdu-1: 127.0.0.1:PORT: {what}"
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(
    ("mode", "what", "switched"),
    [
        (Mode.HANGS_AT_PSET, "no complete answer within 4 s (pshow, after T s); check the PDU by "
         "hand, or give it a longer timeout_s", False),
        (Mode.DROPS_BEFORE_PSET, ENDED.format(step="pset 2 1"), False),
        (Mode.DROPS_AT_PSET, ENDED.format(step="pset 2 1"), True),
    ],
)  # fmt: skip
def test_units_that_fail_when_they_are_to_switch(
    telnet: Telnet, mode: Mode, what: str, switched: bool
) -> None:
    unit, pdu = telnet(4.0, mode=mode)
    text = message(pdu, NOBODY, turn(2, on=True))
    if mode is Mode.HANGS_AT_PSET:
        # Said by the time limit, or by the missing table a moment earlier.
        assert text.startswith("pdu-1: 127.0.0.1:PORT: no c")
    else:
        assert text == f"pdu-1: 127.0.0.1:PORT: {what}"
    assert unit.outlets.on(2) is switched


def test_a_stuck_relay_is_no_dead_pdu(telnet: Telnet) -> None:
    _, pdu = telnet(6.0, outlets=Outlets(stuck=[2]))
    text = message(pdu, NOBODY, turn(2, on=True), dead=False)
    assert text.startswith("pdu-1: 127.0.0.1:PORT: outlet 2 was switched on and is off ")
    assert text.endswith("look at the PDU: a delay, an interlock or a stuck relay")


def test_an_outlet_it_does_not_have(telnet: Telnet) -> None:
    _, pdu = telnet()
    assert message(pdu, NOBODY, turn(9, on=True), dead=False) == (
        "pdu-1: 127.0.0.1:PORT: it has no outlet 9: it shows 1 to 5 (pshow, after T s); correct "
        "the description"
    )


def test_a_second_session_is_turned_away(telnet: Telnet) -> None:
    _, pdu = telnet()

    async def use(_: PowerSession) -> str:
        return await asyncio.to_thread(message, pdu, NOBODY, look)

    assert drive(pdu, NOBODY, use) == (
        "pdu-1: 127.0.0.1:PORT: the PDU ended the session (wait for the prompt, after T s); it "
        "takes one session at a time: see whether another one is open"
    )


def test_nobody_listens(telnet: Telnet) -> None:
    unit, pdu = telnet()
    unit.stop()
    assert message(pdu, AROUND, look) == (
        "pdu-1: 127.0.0.1:PORT: connection refused (connect, after T s); check its address, port "
        "and power"
    )


@pytest.mark.parametrize("ways", list(Ways))
def test_every_way_of_the_web_side(web: Web, ways: Ways, caplog: pytest.LogCaptureFixture) -> None:
    unit, pdu = web(ways=ways)

    async def use(session: PowerSession) -> str:
        before = await look(session)
        await session.switch(2, on=True)
        await session.switch(2, on=True)
        await session.switch(3, on=False)
        return before

    with caplog.at_level(logging.DEBUG):
        assert drive(pdu, AROUND, use)[:5] == "10100"
    assert changes(unit.outlets) == [(2, True), (3, False)]
    assert SECRET not in caplog.text


def test_digits_alone_are_a_status(web: Web) -> None:
    _, pdu = web(metered=False)
    assert drive(pdu, AROUND, look) == "10100"


def test_a_web_cycle_is_an_off_and_an_on(web: Web) -> None:
    unit, pdu = web(ways=Ways.RELAYS)
    drive(pdu, AROUND, cycle(1))
    assert changes(unit.outlets) == [(1, False), (1, True)]


LOGIN = (
    "login refused ({step}, after T s); describe its username and set PICLUSTER_PDU_PASSWORD or "
    "PICLUSTER_PDU_PASSWORD_FILE"
)
NOT_IT = "check that it is a Synaccess PDU, and its web access"


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        (WebMode.HANG, "no complete answer within 3 s (cmd.cgi?$A5, after T s); check the PDU by "
         "hand, or give it a longer timeout_s"),
        (WebMode.ERROR_500, f"HTTP status 500 (cmd.cgi?$A5, after T s); {NOT_IT}"),
        (WebMode.NOT_A_PDU, "no outlet states in its answer (synOpStatus.shtml, after T s); "
         f"{NOT_IT}"),
        (WebMode.REDIRECT, "no outlet states in its answer (synOpStatus.shtml, after T s); "
         f"{NOT_IT}"),
        (WebMode.FLOOD, "more than 256 KiB of answer (cmd.cgi?$A5, after T s); check that it is "
         "the PDU"),
    ],
)  # fmt: skip
def test_web_sides_that_fail(web: Web, mode: WebMode, what: str) -> None:
    _, pdu = web(3.0 if mode is WebMode.HANG else 12.0, mode=mode)
    assert message(pdu, AROUND, look) == f"pdu-1: 127.0.0.1:PORT: {what}"


def test_a_refused_web_login(web: Web) -> None:
    _, pdu = web()
    step = LOGIN.format(step="cmd.cgi?$A5")
    assert message(pdu, NOBODY, look) == f"pdu-1: 127.0.0.1:PORT: {step}"
    wrong = Surroundings(environ={"PICLUSTER_PDU_PASSWORD": "not-this-one"})
    assert message(pdu, wrong, look) == f"pdu-1: 127.0.0.1:PORT: {step}"


def test_a_web_side_that_drops_or_refuses(web: Web) -> None:
    unit, pdu = web(mode=WebMode.DROPS)
    assert message(pdu, AROUND, turn(2, on=True)) == (
        "pdu-1: 127.0.0.1:PORT: the connection broke or the answer is no HTTP (cmd.cgi?$A3%202%201"
        ", after T s); check that it is the PDU, and its web access"
    )
    unit.mode = WebMode.REFUSES
    assert message(pdu, AROUND, turn(2, on=True), dead=False) == (
        "pdu-1: 127.0.0.1:PORT: it refused to switch ($AF) (cmd.cgi?$A3,2,1, after T s); check "
        "that the user may switch this outlet"
    )
    assert changes(unit.outlets) == []


def test_a_stuck_relay_behind_the_web(web: Web) -> None:
    _, pdu = web(4.0, outlets=Outlets(stuck=[2]), ways=Ways.RELAYS)
    text = message(pdu, AROUND, turn(2, on=True), dead=False)
    assert text.startswith("pdu-1: 127.0.0.1:PORT: outlet 2 was switched on and is off ")


def test_nobody_listens_on_the_web(web: Web) -> None:
    unit, pdu = web()
    unit.stop()
    assert message(pdu, AROUND, look) == (
        "pdu-1: 127.0.0.1:PORT: connection refused (cmd.cgi?$A5, after T s); check its address, "
        "port and power"
    )

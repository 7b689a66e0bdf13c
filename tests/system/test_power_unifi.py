"""Driver ``unifi_poe`` against a simulated controller, on loopback."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from power_support import SECRET, cycle, drive, look, message, turn

from picluster.cluster.model import Controller, Pdu, Switch
from picluster.mac import parse_mac
from picluster.power.driver import PowerSession
from picluster.power.drivers.context import Surroundings
from twin.devices.outlets import Outlets
from twin.devices.unifi_controller import Mode, UnifiController
from twin.devices.unifi_switch import UnifiSwitch

MAC = "74:ac:b9:00:00:0b"
OTHER = "74:ac:b9:00:00:0d"
POE = Pdu("poe-1", driver="unifi_poe", controller="house", switch="sw-11", timeout_s=10)

Start = Callable[..., tuple[UnifiController, Surroundings]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[UnifiController] = []

    def begin(
        *, relays: bool = False, ignores: bool = False, **options: object
    ) -> tuple[UnifiController, Surroundings]:
        outlets = Outlets(4, on=[1, 3, 4], delay_s=0.3)
        device = UnifiSwitch(lambda: (), mac=MAC, outlets=outlets, relays=relays, ignores=ignores)
        controller = UnifiController(
            [other_switch(), device],
            password=SECRET,
            **options,  # type: ignore[arg-type]
        ).start()
        running.append(controller)
        ca_file = tmp_path / "ca.pem"
        ca_file.write_text(controller.certificate)
        house = Controller("house", controller.url, username="picluster", ca_file=ca_file)
        switch = Switch("sw-11", mac=parse_mac(MAC))
        return controller, Surroundings(
            file="here",
            controllers={"house": house},
            switches={"sw-11": switch, "sw-12": Switch("sw-12")},
            environ={"PICLUSTER_UNIFI_PASSWORD": SECRET},
        )

    yield begin
    for controller in running:
        controller.stop()


def other_switch() -> UnifiSwitch:
    """Another switch of the same controller, whose power nobody may touch."""
    return UnifiSwitch(lambda: (), name="sw-12", mac=OTHER, outlets=Outlets(4, on=[1, 2, 3, 4]))


def changes(controller: UnifiController) -> list[tuple[int, bool]]:
    other, switch = controller.switches
    assert other.outlets is not None
    assert switch.outlets is not None
    assert other.outlets.history == []
    assert other.cycled == []
    return [(change.outlet, change.on) for change in switch.outlets.history]


@pytest.mark.parametrize("relays", [False, True], ids=["poe", "relays"])
@pytest.mark.parametrize("unifi_os", [True, False], ids=["unifi-os", "classic"])
def test_ports_and_outlets_are_read_and_switched(
    start: Start, relays: bool, unifi_os: bool, caplog: pytest.LogCaptureFixture
) -> None:
    controller, around = start(relays=relays, unifi_os=unifi_os)

    async def use(session: PowerSession) -> str:
        before = await look(session)
        await session.switch(3, on=False)
        await session.switch(1, on=False)
        await session.switch(3, on=True)
        return before

    with caplog.at_level(logging.DEBUG):
        assert drive(POE, around, use) == "1011"
    # Port 2, off from the beginning, stays off whatever is set for others.
    assert changes(controller) == [(3, False), (1, False), (3, True)]
    assert controller.logins == 1
    assert SECRET not in caplog.text


def test_one_board_is_cycled_alone(start: Start) -> None:
    controller, around = start()
    drive(POE, around, cycle(3))
    assert controller.switches[1].cycled == [3]
    for _ in range(40):
        if len(changes(controller)) == 2:
            break
        time.sleep(0.05)
    assert changes(controller) == [(3, False), (3, True)]


def test_what_is_off_is_not_cycled(start: Start) -> None:
    controller, around = start()
    assert message(POE, around, cycle(2), dead=False) == (
        "poe-1: 127.0.0.1:PORT: port 2 does not feed: there is nothing to cycle (list devices, "
        "after T s); switch it on"
    )
    assert controller.switches[1].cycled == []


def test_an_outlet_is_cycled_by_switching(start: Start) -> None:
    controller, around = start(relays=True)
    drive(POE, around, cycle(3, 0.5))
    assert changes(controller) == [(3, False), (3, True)]
    assert controller.switches[1].cycled == []


def test_a_port_that_feeds_nothing(start: Start) -> None:
    _, around = start()
    assert message(POE, around, turn(9, on=True), dead=False) == (
        "poe-1: 127.0.0.1:PORT: it has no outlet 9: it shows 1 to 4 (list devices, after T s); "
        "correct the description"
    )


def test_settings_that_are_taken_and_ignored(start: Start) -> None:
    _, around = start(ignores=True)
    pdu = replace(POE, timeout_s=4)
    text = message(pdu, around, turn(3, on=False), dead=False)
    assert text.startswith("poe-1: 127.0.0.1:PORT: outlet 3 was switched off and is on ")


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        (Mode.FORGETS, "refused (list devices, after T s); check username, password and the "
         "account's site"),
        (Mode.ERROR_500, "HTTP status 500 (list devices, after T s); check that the URL is the "
         "controller's, and its health"),
        (Mode.LIMITS, "HTTP status 429: too many logins, wait some minutes (log in, after T s); "
         "check that the URL is the controller's, and its health"),
        (Mode.ODD_JSON, "the answer is not the JSON of a controller (list devices, after T s); "
         "check that the URL is the controller's, and its health"),
        (Mode.REDIRECT, "redirected (log in, after T s); check that the URL is the controller's, "
         "and its health"),
        (Mode.HANG, "no complete answer within 2 s (log in, after T s); check the PDU by hand, or "
         "give it a longer timeout_s"),
    ],
)  # fmt: skip
def test_controllers_that_fail(start: Start, mode: Mode, what: str) -> None:
    _, around = start(mode=mode)
    pdu = replace(POE, timeout_s=2)
    assert message(pdu, around, look) == f"poe-1: 127.0.0.1:PORT: {what}"


def test_what_is_not_described(start: Start) -> None:
    _, around = start()
    nothing = Surroundings(file="here", environ={})
    assert message(POE, nothing, look, dead=False) == (
        "here: pdu poe-1 has driver unifi_poe and no controller; describe the controller under "
        "controllers and name it"
    )
    assert message(replace(POE, switch="sw-12"), around, look, dead=False) == (
        "here: switch sw-12 of pdu poe-1 has no mac; describe the mac by which the controller "
        "knows it"
    )
    assert message(POE, replace(around, environ={}), look, dead=False) == (
        "poe-1: no username or no password for controller house; give a username in the "
        "description and set PICLUSTER_UNIFI_PASSWORD or PICLUSTER_UNIFI_PASSWORD_FILE"
    )


def test_a_switch_the_controller_does_not_know(start: Start) -> None:
    _, around = start()
    other = {"sw-11": Switch("sw-11", mac=parse_mac("74:ac:b9:00:00:0c"))}
    text = message(POE, replace(around, switches=other), look, dead=False)
    assert text == "the controller knows no device 74:ac:b9:00:00:0c; correct the switch's mac"

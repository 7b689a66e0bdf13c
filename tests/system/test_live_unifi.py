"""A UniFi controller asked over HTTPS: aiounifi against the simulated one, on loopback."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiounifi.controller import Controller
from aiounifi.models.configuration import Configuration
from aiounifi.models.device import DevicePowerCyclePortRequest

from picluster.errors import PiclusterError
from picluster.harvest.live import unifi
from picluster.harvest.live.access import ControllerAccess, Secrets
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from twin.devices.fdb import FdbEntry
from twin.devices.unifi_controller import Mode, UnifiController
from twin.devices.unifi_switch import UnifiSwitch

PASSWORD = "sesame-open-48"
SECRETS = Secrets(unifi_password=PASSWORD)
FDB = [
    FdbEntry("b8:27:eb:11:00:01", 1, 1, "172.20.11.1", "pi-11-1"),
    FdbEntry("b8:27:eb:11:00:02", 3, 1, "172.20.11.2"),
]

Start = Callable[..., tuple[UnifiController, ControllerAccess]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[UnifiController] = []

    def begin(limit_s: float = 10.0, **options: object) -> tuple[UnifiController, ControllerAccess]:
        controller = UnifiController(
            [UnifiSwitch(lambda: FDB, uplinks=(48,))],
            password=PASSWORD,
            **options,  # type: ignore[arg-type]
        ).start()
        running.append(controller)
        ca_file = tmp_path / "ca.pem"
        ca_file.write_text(controller.certificate)
        access = ControllerAccess(
            "house", controller.url, username="picluster", ca_file=ca_file, limit_s=limit_s
        )
        return controller, access

    yield begin
    for controller in running:
        controller.stop()


def harvest(access: ControllerAccess) -> list[Fact]:
    facts = list(unifi.observe_controller(access, SECRETS))
    return [replace(f, seen=None) if isinstance(f, Observation) else f for f in facts]


def message(access: ControllerAccess, secrets: Secrets = SECRETS) -> str:
    with pytest.raises(PiclusterError) as caught:
        list(unifi.observe_controller(access, secrets))
    assert secrets.unifi_password is None or secrets.unifi_password not in str(caught.value)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", str(caught.value))
    return re.sub(r"after \d+\.\d s", "after T s", text)


EXPECTED: list[Fact] = [
    Remark("'sw-11': port 48 is the uplink", "unifi:house"),
    Remark(
        "'sw-11': no MAC address table in the dump; stat/sta has the clients' ports", "unifi:house"
    ),
    *(
        Observation(
            e.mac,  # type: ignore[arg-type]
            Kind.SWITCH,
            "unifi:house",
            switch="sw-11",
            port=str(e.port),
            vlan="1",
            address=e.address,
        )
        for e in FDB
    ),
]


@pytest.mark.parametrize("unifi_os", [True, False], ids=["unifi-os", "classic"])
def test_clients_are_at_their_switch_and_port(
    start: Start, caplog: pytest.LogCaptureFixture, unifi_os: bool
) -> None:
    _, access = start(unifi_os=unifi_os)
    with caplog.at_level(logging.DEBUG):
        assert harvest(access) == EXPECTED
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("unifi_os", [True, False], ids=["unifi-os", "classic"])
def test_wrong_password(start: Start, unifi_os: bool) -> None:
    _, access = start(unifi_os=unifi_os)
    assert message(access, Secrets(unifi_password="not-this-one")) == (
        "unifi:house: 127.0.0.1:PORT: refused (log in, after T s); "
        "check username, password and the account's site"
    )


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        (Mode.FORGETS, "refused"),
        (Mode.ERROR_500, "HTTP status 500"),
        (Mode.BAD_JSON, "the answer is not the JSON of a controller"),
        (Mode.ODD_JSON, "the answer is not the JSON of a controller"),
        (Mode.NOT_JSON, "the answer is not the JSON of a controller"),
    ],
)
@pytest.mark.parametrize("unifi_os", [True, False], ids=["unifi-os", "classic"])
def test_bad_answers(start: Start, mode: Mode, what: str, unifi_os: bool) -> None:
    _, access = start(mode=mode, unifi_os=unifi_os)
    begin = time.monotonic()
    text = message(access)
    assert text.startswith(f"unifi:house: 127.0.0.1:PORT: {what} (list devices, after T s); check ")
    assert time.monotonic() - begin < 2


def test_redirected_login_keeps_the_password(start: Start) -> None:
    _, access = start(mode=Mode.REDIRECT)
    assert message(access) == (
        "unifi:house: 127.0.0.1:PORT: redirected (log in, after T s); "
        "check that the URL is the controller's, and its health"
    )


def test_time_limit_holds(start: Start) -> None:
    _, access = start(mode=Mode.HANG, limit_s=1)
    begin = time.monotonic()
    assert message(access) == (
        "unifi:house: 127.0.0.1:PORT: no complete answer within 1 s (log in, after T s); "
        "check the controller's health, or give it a longer --timeout"
    )
    assert time.monotonic() - begin < 2


def test_unknown_site(start: Start) -> None:
    _, access = start()
    assert message(replace(access, site="attic")) == (
        "unifi:house: 127.0.0.1:PORT: not found (list devices, after T s); "
        "check the site's short name and the URL"
    )


def test_stopped_controller(start: Start) -> None:
    controller, access = start()
    controller.stop()
    assert message(access) == (
        "unifi:house: 127.0.0.1:PORT: connection refused (log in, after T s); "
        "check the URL and the port"
    )


def test_untrusted_certificate_is_refused(start: Start) -> None:
    _, access = start()
    assert message(replace(access, ca_file=None)) == (
        "unifi:house: 127.0.0.1:PORT: its certificate is not trusted: 'self-signed certificate' "
        "(log in, after T s); give the CA file that vouches for it, and the name the "
        "certificate is for"
    )


def test_expired_certificate_is_refused(start: Start) -> None:
    _, access = start(certificate_days=-1)
    assert "its certificate is not trusted: 'certificate has expired'" in message(access)


def test_ca_file_without_a_certificate(start: Start, tmp_path: Path) -> None:
    _, access = start()
    (tmp_path / "empty.pem").write_text("nothing")
    assert message(replace(access, ca_file=tmp_path / "empty.pem")) == (
        f"{tmp_path}/empty.pem: no certificate in it; give the controller's CA as PEM"
    )
    assert message(replace(access, ca_file=tmp_path / "none.pem")).startswith(
        f"{tmp_path}/none.pem: cannot read the CA file: No such file"
    )


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1", "127.0.0.1", "https://", "https://a@b", "https://h/x", "https://h:0x"],
)
def test_urls_that_are_none(url: str) -> None:
    text = message(ControllerAccess("house", url, username="u"))
    assert text.startswith(f"unifi:house: not a controller's URL: '{url}'; write https://host")


def test_no_password_is_said_before_asking() -> None:
    assert message(ControllerAccess("house", "https://192.0.2.1", username="u"), Secrets()) == (
        "unifi:house: no username or no password for the controller; give a username in the "
        "description and set PICLUSTER_UNIFI_PASSWORD or PICLUSTER_UNIFI_PASSWORD_FILE"
    )


def test_simulated_controller_takes_a_poe_power_cycle(start: Start) -> None:
    controller, _ = start()

    async def cycle() -> object:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            client = Controller(
                Configuration(
                    session,
                    controller.address,
                    port=controller.port,
                    username="picluster",
                    password=PASSWORD,
                )
            )
            await client.login()
            await client.devices.update()
            mac = next(iter(client.devices))
            return await client.request(DevicePowerCyclePortRequest.create(mac, 3))

    assert asyncio.run(cycle()) == {"meta": {"rc": "ok"}, "data": []}
    assert controller.switches[0].cycled == [3]

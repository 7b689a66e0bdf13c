"""Switches asked by SSH: netmiko against the simulated switch, on the loopback interface."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import pytest

from picluster.errors import PiclusterError
from picluster.harvest.live import ssh
from picluster.harvest.live.access import HostKeys, Secrets, SwitchAccess
from picluster.harvest.observation import Fact, Kind, Observation, Remark
from twin.devices.fdb import FdbEntry
from twin.devices.switch_ssh import Mode, Shell, SwitchSsh

PASSWORD = "sesame-open-47"
SECRETS = Secrets(ssh_password=PASSWORD)
FDB = [
    FdbEntry("b8:27:eb:11:00:01", 1, 1, "172.20.11.1", "pi-11-1"),
    FdbEntry("b8:27:eb:11:00:02", 3, 1),
    FdbEntry("74:ac:b9:00:00:01", 52, 1, "172.20.0.10"),
]


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


Start = Callable[..., tuple[SwitchSsh, SwitchAccess]]


@pytest.fixture
def start(known_hosts: Path) -> Iterator[Start]:
    """Start a switch whose host key is known."""
    running: list[SwitchSsh] = []

    def begin(
        shell: Shell = Shell.UNIFI,
        mode: Mode = Mode.WELL,
        device_type: str = "ubiquiti_unifiswitch",
        limit_s: float = 20.0,
        **options: object,
    ) -> tuple[SwitchSsh, SwitchAccess]:
        switch = SwitchSsh(
            lambda: FDB,
            shell=shell,
            mode=mode,
            username="admin",
            password=PASSWORD,
            uplinks=[52],
            **options,  # type: ignore[arg-type]
        ).start()
        running.append(switch)
        known_hosts.write_text(switch.known_hosts_line())
        return switch, SwitchAccess(
            "sw-11",
            switch.address,
            device_type,
            "admin",
            switch.port,
            known_hosts=known_hosts,
            limit_s=limit_s,
        )

    yield begin
    for switch in running:
        switch.stop()


def timeless(facts: list[Fact]) -> list[Fact]:
    """Take off the times, which have to be those of the last minute."""
    for fact in facts:
        if isinstance(fact, Observation):
            assert fact.seen is not None
            assert abs((datetime.now(UTC) - fact.seen).total_seconds()) < 60
    return [replace(f, seen=None) if isinstance(f, Observation) else f for f in facts]


def message(access: SwitchAccess, secrets: Secrets = SECRETS) -> str:
    """The refusal's message, without the port and the seconds."""
    with pytest.raises(PiclusterError) as caught:
        list(ssh.observe_switch(access, secrets))
    assert PASSWORD not in str(caught.value)
    text = str(caught.value).replace(f":{access.ssh_port}", ":PORT")
    return re.sub(r"after \d+\.\d s", "after T s", text)


def seen(mac: str, port: str, **more: object) -> Observation:
    return Observation(
        mac,  # type: ignore[arg-type]
        Kind.SWITCH,
        "ssh:sw-11",
        switch="sw-11",
        port=port,
        vlan="1",
        **more,  # type: ignore[arg-type]
    )


def test_unifi_switch_tells_stations_and_its_uplink(start: Start) -> None:
    switch, access = start()
    steps: list[str] = []
    facts = list(ssh.observe_switch(access, SECRETS, steps.append))
    assert timeless(facts) == [
        seen("b8:27:eb:11:00:01", "1", address="172.20.11.1"),
        seen("b8:27:eb:11:00:02", "3"),
        seen("74:ac:b9:00:00:01", "52", address="172.20.0.10", uplink=True),
        Remark("port 52 is the uplink", "ssh:sw-11"),
    ]
    assert switch.commands == ["swctrl mac show", "swctrl port show"]
    assert steps == [
        f"ssh:sw-11: {step}"
        for step in (
            "connect",
            "log in",
            "wait for a prompt",
            "swctrl mac show",
            "swctrl port show",
        )
    ]


def test_ios_switch_is_asked_without_a_pager(start: Start) -> None:
    switch, access = start(Shell.IOS, device_type="cisco_ios")
    facts = list(ssh.observe_switch(access, SECRETS))
    assert timeless([f for f in facts if isinstance(f, Observation)]) == [
        seen("b8:27:eb:11:00:01", "Gi1/0/1"),
        seen("b8:27:eb:11:00:02", "Gi1/0/3"),
        seen("74:ac:b9:00:00:01", "Gi1/0/52"),
    ]
    assert "terminal length 0" in switch.commands
    assert switch.commands[-1] == "show mac address-table"


def test_linux_bridge(start: Start) -> None:
    _, access = start(Shell.LINUX, device_type="linux")
    facts = list(ssh.observe_switch(access, SECRETS))
    assert timeless([f for f in facts if isinstance(f, Observation)]) == [
        seen("b8:27:eb:11:00:01", "port1"),
        seen("b8:27:eb:11:00:02", "port3"),
        seen("74:ac:b9:00:00:01", "port52"),
    ]


def test_text_is_what_the_command_printed(start: Start) -> None:
    _, access = start(Shell.LINUX, device_type="linux")
    assert ssh.fetch_mac_table(access, SECRETS).splitlines() == [
        "b8:27:eb:11:00:01 dev port1 vlan 1 master br0",
        "b8:27:eb:11:00:02 dev port3 vlan 1 master br0",
        "74:ac:b9:00:00:01 dev port52 vlan 1 master br0",
    ]


def test_key_opens_and_password_is_not_needed(start: Start, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "id")
    public = key.export_public_key().decode()
    _, access = start(authorized_keys=public)
    facts = list(ssh.observe_switch(access, Secrets(ssh_key=tmp_path / "id")))
    assert [f.mac for f in facts if isinstance(f, Observation)] == [e.mac for e in FDB]


def test_wrong_password_is_named_without_the_password(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    _, access = start()
    wrong = Secrets(ssh_password="not-this-one")
    with caplog.at_level(logging.DEBUG):
        text = message(access, wrong)
    assert text == (
        "ssh:sw-11: 127.0.0.1:PORT: login as 'admin' refused (log in, after T s); "
        "check username and secret"
    )
    assert "not-this-one" not in text + caplog.text


def test_password_stays_out_of_the_logs(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    _, access = start()
    with caplog.at_level(logging.DEBUG):
        list(ssh.observe_switch(access, SECRETS))
    assert caplog.text
    assert PASSWORD not in caplog.text


def test_closed_port(start: Start) -> None:
    switch, access = start()
    switch.stop()
    assert message(access) == (
        "ssh:sw-11: 127.0.0.1:PORT: connection refused (connect, after T s); "
        "check its address and that SSH is on"
    )


def test_unknown_host_key_is_refused_until_accepted(start: Start, known_hosts: Path) -> None:
    switch, access = start()
    line = known_hosts.read_text()
    known_hosts.write_text("other.example ssh-ed25519 AAAA")
    known_hosts.unlink()
    assert message(access) == (
        f"ssh:sw-11: 127.0.0.1:PORT: its host key is not in {known_hosts} (log in, after T s); "
        "add the key you can vouch for, or harvest once with --accept-new-host-keys"
    )
    assert switch.commands == []
    steps: list[str] = []
    list(ssh.observe_switch(replace(access, host_keys=HostKeys.ACCEPT_NEW), SECRETS, steps.append))
    assert known_hosts.read_text() == line
    assert any(step.startswith("ssh:sw-11: kept the new host key SHA256:") for step in steps)
    assert list(ssh.observe_switch(access, SECRETS))


@pytest.mark.parametrize("policy", list(HostKeys))
def test_changed_host_key_is_refused(start: Start, known_hosts: Path, policy: HostKeys) -> None:
    switch, access = start()
    switch.stop()
    switch.port = access.ssh_port
    switch.renew_host_key()
    switch.start()
    before = known_hosts.read_text()
    text = message(replace(access, host_keys=policy))
    prints = re.findall(r"SHA256:[A-Za-z0-9+/]{43}", text)
    assert len(set(prints)) == 2
    assert text == (
        f"ssh:sw-11: 127.0.0.1:PORT: its host key changed: it shows {prints[0]}, known is "
        f"{prints[1]} (log in, after T s); another machine may answer on its address; if the "
        f"switch was replaced, run ssh-keygen -R '[127.0.0.1]:PORT' -f {known_hosts}"
    )
    assert (known_hosts.read_text(), switch.commands) == (before, [])


@pytest.mark.parametrize(
    ("mode", "step"),
    [
        (Mode.HANG_LOGIN, "log in"),
        (Mode.HANG, "swctrl mac show"),
        (Mode.SLOW, "swctrl mac show"),
    ],
)
def test_time_limit_holds(start: Start, mode: Mode, step: str) -> None:
    _, access = start(mode=mode, limit_s=2)
    begin = time.monotonic()
    assert message(access) == (
        f"ssh:sw-11: 127.0.0.1:PORT: no complete answer within 2 s ({step}, after T s); "
        "check the switch's load, or give it a longer --timeout"
    )
    assert 1.9 <= time.monotonic() - begin < 4


def test_hanging_key_exchange_on_first_use(start: Start, known_hosts: Path) -> None:
    _, access = start(mode=Mode.HANG_LOGIN, limit_s=1)
    known_hosts.unlink()
    assert message(replace(access, host_keys=HostKeys.ACCEPT_NEW)) == (
        "ssh:sw-11: 127.0.0.1:PORT: no complete answer within 1 s (exchange keys, after T s); "
        "check the switch's load, or give it a longer --timeout"
    )
    assert not known_hosts.exists()


def test_cut_answer_is_no_answer(start: Start) -> None:
    _, access = start(mode=Mode.CUT)
    begin = time.monotonic()
    assert message(access) == (
        "ssh:sw-11: 127.0.0.1:PORT: the switch ended the session (swctrl mac show, after T s); "
        "try again; the answer was not complete"
    )
    assert time.monotonic() - begin < 5


def test_flood_is_ended_by_size(start: Start) -> None:
    _, access = start(mode=Mode.FLOOD)
    assert message(access) == (
        "ssh:sw-11: 127.0.0.1:PORT: more than 8 MiB of answer (swctrl mac show, after T s); "
        "check the switch's load, or give it a longer --timeout"
    )


def test_garbage_gives_no_station(start: Start) -> None:
    _, access = start(mode=Mode.GARBAGE, device_type="linux", shell=Shell.LINUX)
    assert message(access).startswith("ssh:sw-11: unknown format")


def test_command_the_switch_lacks(start: Start) -> None:
    _, access = start(Shell.LINUX, device_type="ubiquiti_unifiswitch")
    with pytest.raises(PiclusterError, match=r"^ssh:sw-11: unknown format, beginning '-sh: swctrl"):
        list(ssh.observe_switch(access, SECRETS))


@pytest.mark.parametrize(
    ("change", "secrets", "text"),
    [
        (
            {"username": ""},
            SECRETS,
            "ssh:sw-11: no username; give the switch a username in the description",
        ),
        (
            {},
            Secrets(),
            "ssh:sw-11: no password, key or agent for SSH; set PICLUSTER_SSH_PASSWORD, "
            "PICLUSTER_SSH_PASSWORD_FILE or PICLUSTER_SSH_KEY",
        ),
    ],
)
def test_what_is_missing_is_said_before_connecting(
    change: dict[str, str], secrets: Secrets, text: str
) -> None:
    access = replace(SwitchAccess("sw-11", "192.0.2.1", username="admin"), **change)
    assert message(access, secrets) == text


def test_switch_stops_by_itself() -> None:
    switch = SwitchSsh(lambda: FDB, lifetime_s=0.2).start()
    assert switch.running
    time.sleep(0.8)
    assert not switch.running

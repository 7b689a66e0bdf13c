"""Secrets: where they may come from, and that nothing shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from picluster.harvest.live.access import (
    AuthProtocol,
    PrivProtocol,
    Secrets,
    load_secrets,
    read_secret_file,
)
from picluster.harvest.live.dialects import DIALECTS, dialect_for

VALUES = {
    "PICLUSTER_SSH_PASSWORD": "s3cret-a",
    "PICLUSTER_SNMP_COMMUNITY": "s3cret-b",
    "PICLUSTER_SNMP_AUTH_PASSWORD": "s3cret-c",
    "PICLUSTER_SNMP_PRIV_PASSWORD": "s3cret-d",
    "PICLUSTER_UNIFI_PASSWORD": "s3cret-e",
}


def test_no_variable_no_secret() -> None:
    assert load_secrets({}) == Secrets()
    assert repr(Secrets(ssh_password="x")) == "Secrets(ssh_password=…)"


def test_every_variable_is_read() -> None:
    more = {
        "PICLUSTER_SNMP_USER": "harvest",
        "PICLUSTER_SNMP_AUTH_PROTOCOL": "SHA512",
        "PICLUSTER_SNMP_PRIV_PROTOCOL": "aes256",
        "SSH_AUTH_SOCK": "/run/agent",
    }
    assert load_secrets(VALUES | more) == Secrets(
        ssh_password="s3cret-a",
        ssh_agent=True,
        snmp_community="s3cret-b",
        snmp_user="harvest",
        snmp_auth="s3cret-c",
        snmp_auth_protocol=AuthProtocol.SHA512,
        snmp_priv="s3cret-d",
        snmp_priv_protocol=PrivProtocol.AES256,
        unifi_password="s3cret-e",
    )


def test_no_value_shows() -> None:
    secrets = load_secrets(VALUES)
    assert "s3cret" not in f"{secrets!r} {secrets} {[secrets]}"


@pytest.mark.parametrize("name", list(VALUES))
def test_files_serve_as_well(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("line of its own\n")
    file.chmod(0o600)
    assert load_secrets({f"{name}_FILE": str(file)}) == load_secrets({name: "line of its own"})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_file_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    file.chmod(mode)
    with pytest.raises(PiclusterError) as caught:
        read_secret_file(file)
    assert str(caught.value) == (
        f"{file}: mode {mode:04o} lets others read the secret; run chmod 600 {file}"
    )


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"s3cret\nmore\n", b"s3c\0ret", b"s3cret\xff", b"s3cret" * 1000]
)
def test_file_that_holds_no_secret(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(PiclusterError) as caught:
        read_secret_file(file)
    assert str(caught.value) == (
        f"{file}: the secret is not one line of printable text; write the secret alone"
    )


def test_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(PiclusterError, match="cannot read the secret: No such file"):
        read_secret_file(tmp_path / "absent")
    with pytest.raises(PiclusterError, match="cannot read the secret: Is a directory"):
        read_secret_file(tmp_path)


def test_key_file_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "id"
    file.write_text("key")
    file.chmod(0o644)
    with pytest.raises(PiclusterError, match="mode 0644 lets others read"):
        load_secrets({"PICLUSTER_SSH_KEY": str(file)})
    file.chmod(0o600)
    assert load_secrets({"PICLUSTER_SSH_KEY": str(file)}) == Secrets(ssh_key=file)


def test_variable_and_file_contradict(tmp_path: Path) -> None:
    env = {"PICLUSTER_SSH_PASSWORD": "s3cret", "PICLUSTER_SSH_PASSWORD_FILE": str(tmp_path)}
    with pytest.raises(PiclusterError) as caught:
        load_secrets(env)
    assert str(caught.value) == (
        "PICLUSTER_SSH_PASSWORD and PICLUSTER_SSH_PASSWORD_FILE are both set; unset one of them"
    )


def test_unknown_protocol() -> None:
    with pytest.raises(PiclusterError) as caught:
        load_secrets({"PICLUSTER_SNMP_PRIV_PROTOCOL": "rot13"})
    assert str(caught.value) == (
        "PICLUSTER_SNMP_PRIV_PROTOCOL is 'rot13'; use one of des, aes, aes192, aes256"
    )


def test_every_dialect_is_one_netmiko_speaks() -> None:
    from netmiko.ssh_dispatcher import CLASS_MAPPER  # noqa: PLC0415 - slow to load

    assert {d.driver for d in DIALECTS.values()} <= set(CLASS_MAPPER)


def test_unknown_device_type() -> None:
    with pytest.raises(PiclusterError, match=r"^ssh:sw: unknown device_type 'x'; use one of ubi"):
        dialect_for("x", "ssh:sw")

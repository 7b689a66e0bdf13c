"""How a live source is reached, and the secrets that open it.

Addresses and names come from the cluster description, secrets from the environment or from files
only their owner can read. A secret is never an argument of a command and never part of a message.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

from picluster.errors import os_errors, refusal, shown

#: Told about each step of a live source, one short line.
Progress = Callable[[str], None]

_SECRET_BYTES = 4096


class HostKeys(StrEnum):
    """What is done about the host key of a switch."""

    STRICT = "strict"  # only a key that is in known_hosts is taken
    ACCEPT_NEW = "accept-new"  # an unknown switch's first key is kept, a changed key is refused


class AuthProtocol(StrEnum):
    """SNMPv3 authentication protocols (RFC 3414, RFC 7860)."""

    MD5 = "md5"
    SHA = "sha"
    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class PrivProtocol(StrEnum):
    """SNMPv3 privacy protocols (RFC 3414, RFC 3826)."""

    DES = "des"
    AES = "aes"
    AES192 = "aes192"
    AES256 = "aes256"


@dataclass(frozen=True, slots=True)
class SwitchAccess:
    """A switch of the description.

    Attributes:
        name: its name; ``switch`` of every fact.
        address: IPv4 address or host name.
        device_type: a key of :data:`picluster.harvest.live.dialects.DIALECTS`.
        username: for SSH, and for SNMPv3 unless the secrets name another.
        ssh_port: TCP port.
        snmp_port: UDP port.
        known_hosts: OpenSSH known_hosts file.
        host_keys: policy for host keys.
        limit_s: seconds one harvest of the switch may take in all.
        snmp_contexts: VLANs a Cisco agent has to be asked one by one (``community@10``, or the
            context ``vlan-10`` with SNMPv3); empty asks once.
        snmp_v1: speak SNMPv1 where no SNMPv3 user is given.
    """

    name: str
    address: str
    device_type: str = "ubiquiti_unifiswitch"
    username: str = ""
    ssh_port: int = 22
    snmp_port: int = 161
    known_hosts: Path = Path("~/.ssh/known_hosts")
    host_keys: HostKeys = HostKeys.STRICT
    limit_s: float = 60.0
    snmp_contexts: tuple[int, ...] = ()
    snmp_v1: bool = False


@dataclass(frozen=True, slots=True)
class ControllerAccess:
    """A UniFi controller of the description.

    Attributes:
        name: its name.
        url: ``https://host[:port]``; port 443 (UniFi OS) unless given, 8443 is the classic one.
        site: the site's short name, as in the controller's URLs.
        username: a local account, read-only is enough.
        ca_file: PEM file that vouches for the controller; ``None`` takes the system's.
        limit_s: seconds the harvest may take in all.
    """

    name: str
    url: str
    site: str = "default"
    username: str = ""
    ca_file: Path | None = None
    limit_s: float = 30.0


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What opens the live sources; ``None`` where nothing was given. Its repr shows no value.

    Attributes:
        ssh_password: for SSH.
        ssh_key: OpenSSH private key file without passphrase (an agent holds those with one).
        ssh_agent: ask the SSH agent.
        snmp_community: SNMPv2c community.
        snmp_user: SNMPv3 user; set, SNMPv3 is spoken.
        snmp_auth: SNMPv3 authentication password.
        snmp_auth_protocol: its protocol.
        snmp_priv: SNMPv3 privacy password.
        snmp_priv_protocol: its protocol.
        unifi_password: for the UniFi controller.
    """

    ssh_password: str | None = None
    ssh_key: Path | None = None
    ssh_agent: bool = False
    snmp_community: str | None = None
    snmp_user: str | None = None
    snmp_auth: str | None = None
    snmp_auth_protocol: AuthProtocol = AuthProtocol.SHA256
    snmp_priv: str | None = None
    snmp_priv_protocol: PrivProtocol = PrivProtocol.AES
    unifi_password: str | None = None

    def __repr__(self) -> str:
        given = (f.name for f in fields(self) if getattr(self, f.name) != f.default)
        return f"Secrets({', '.join(f'{name}=…' for name in given)})"


def load_secrets(environ: Mapping[str, str] | None = None) -> Secrets:
    """Read the secrets from ``PICLUSTER_*`` variables.

    ``PICLUSTER_SSH_PASSWORD``, ``PICLUSTER_SNMP_COMMUNITY``, ``PICLUSTER_SNMP_AUTH_PASSWORD``,
    ``PICLUSTER_SNMP_PRIV_PASSWORD`` and ``PICLUSTER_UNIFI_PASSWORD`` hold a secret, the same with
    ``_FILE`` the name of a file with mode 0600 that does. ``PICLUSTER_SSH_KEY`` names a private
    key; ``SSH_AUTH_SOCK`` means an agent; ``PICLUSTER_SNMP_USER``, ``…_AUTH_PROTOCOL`` and
    ``…_PRIV_PROTOCOL`` choose SNMPv3.

    Args:
        environ: the variables; the process's own when ``None``.

    Raises:
        PiclusterError: a variable and its ``_FILE`` are both set, a file cannot be read, is
            readable by others, empty or not one line, or a protocol is unknown.
    """
    env = os.environ if environ is None else environ
    return Secrets(
        ssh_password=secret_of(env, "PICLUSTER_SSH_PASSWORD"),
        ssh_key=_key_file(env, "PICLUSTER_SSH_KEY"),
        ssh_agent=bool(env.get("SSH_AUTH_SOCK")),
        snmp_community=secret_of(env, "PICLUSTER_SNMP_COMMUNITY"),
        snmp_user=env.get("PICLUSTER_SNMP_USER") or None,
        snmp_auth=secret_of(env, "PICLUSTER_SNMP_AUTH_PASSWORD"),
        snmp_auth_protocol=AuthProtocol(
            _choice(env, "PICLUSTER_SNMP_AUTH_PROTOCOL", AuthProtocol.SHA256)
        ),
        snmp_priv=secret_of(env, "PICLUSTER_SNMP_PRIV_PASSWORD"),
        snmp_priv_protocol=PrivProtocol(
            _choice(env, "PICLUSTER_SNMP_PRIV_PROTOCOL", PrivProtocol.AES)
        ),
        unifi_password=secret_of(env, "PICLUSTER_UNIFI_PASSWORD"),
    )


def secret_of(env: Mapping[str, str], name: str) -> str | None:
    """The secret in variable ``name``, or in the file that ``<name>_FILE`` names.

    Raises:
        PiclusterError: see :func:`load_secrets`.
    """
    value, file = env.get(name), env.get(f"{name}_FILE")
    if value and file:
        raise refusal(f"{name} and {name}_FILE are both set", "unset one of them")
    if file:
        return read_secret_file(Path(file))
    return value or None


def _key_file(env: Mapping[str, str], name: str) -> Path | None:
    if not env.get(name):
        return None
    path = Path(env[name]).expanduser()
    with os_errors("read the private key", path), path.open("rb") as file:
        _demand_private(file.fileno(), path)
    return path


def read_secret_file(path: Path) -> str:
    """Read a file of one line that only its owner can read.

    Raises:
        PiclusterError: see :func:`load_secrets`; the message never holds the content.
    """
    with os_errors("read the secret", path), path.expanduser().open("rb") as file:
        _demand_private(file.fileno(), path)
        raw = file.read(_SECRET_BYTES + 1)
    try:
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable() or len(raw) > _SECRET_BYTES:
        raise refusal(
            "the secret is not one line of printable text", "write the secret alone", file=path
        )
    return text


def _demand_private(descriptor: int, path: Path) -> None:
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        raise refusal("not a regular file", "name the file that holds the secret", file=path)
    if mode & 0o077:
        raise refusal(
            f"mode {stat.S_IMODE(mode):04o} lets others read the secret",
            f"run chmod 600 {path}",
            file=path,
        )


def _choice(env: Mapping[str, str], name: str, default: StrEnum) -> str:
    value = env.get(name, "").lower() or str(default)
    names = [str(member) for member in type(default)]
    if value not in names:
        raise refusal(f"{name} is {shown(value)}", f"use one of {', '.join(names)}")
    return value

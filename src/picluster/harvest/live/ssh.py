"""Forwarding databases read from switches by SSH."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import netmiko
import paramiko

from picluster.errors import PiclusterError, os_errors, refusal, shown
from picluster.harvest.live import host_keys
from picluster.harvest.live.access import HostKeys, Progress, Secrets, SwitchAccess
from picluster.harvest.live.attempt import Attempt
from picluster.harvest.live.dialects import Dialect, dialect_for
from picluster.harvest.live.guard import MeteredSocket, PollGuard, SessionEndedError
from picluster.harvest.live.text import facts_of
from picluster.harvest.observation import Fact

_CONNECT_S = 10.0

#: What netmiko and paramiko raise; ``ValueError`` is netmiko's when it finds no prompt.
_FAILURES = (
    netmiko.NetmikoBaseException,
    paramiko.SSHException,
    SessionEndedError,
    OSError,
    EOFError,
    ValueError,
)

# paramiko tells about a lost connection itself; the message here is the only one.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def fetch_mac_table(
    access: SwitchAccess, secrets: Secrets, progress: Progress | None = None
) -> str:
    """Log in to a switch and have it print its forwarding database.

    Args:
        access: the switch.
        secrets: an SSH password, key or agent.
        progress: told about each step.

    Returns:
        The answer, without the command's echo and the prompt.

    Raises:
        PiclusterError: the switch refused, hung, was too slow, answered too much or ended the
            session, or its host key is unknown or changed; one message says which.
    """
    return _fetch(access, secrets, progress, with_ports=False)


def observe_switch(
    access: SwitchAccess, secrets: Secrets, progress: Progress | None = None
) -> Iterator[Fact]:
    """Yield what a switch's forwarding database says, each fact under the switch's name.

    Ports the switch itself marks as uplinks (UniFi's ``swctrl port show``) come as ``uplink``.

    Raises:
        PiclusterError: see :func:`fetch_mac_table`; or the answer is no known table.
    """
    text = _fetch(access, secrets, progress, with_ports=True)
    yield from facts_of(text, f"ssh:{access.name}", switch=access.name)


def _fetch(
    access: SwitchAccess, secrets: Secrets, progress: Progress | None, *, with_ports: bool
) -> str:
    where = f"{access.address}:{access.ssh_port}"
    attempt = Attempt(f"ssh:{access.name}", where, access.limit_s, progress)
    dialect = dialect_for(access.device_type, attempt.source)
    credentials = _credentials(access, secrets, attempt.source)
    if access.host_keys is HostKeys.ACCEPT_NEW:
        _learn_host_key(access, attempt)
    commands = [dialect.fdb] + ([dialect.ports] if with_ports and dialect.ports else [])
    with _connect(access, attempt) as sock:
        try:
            options = _options(access, attempt, dialect) | credentials
            return "\n".join(_talk(attempt, options, sock, commands))
        except _FAILURES as error:
            raise _explained(access, attempt, sock, error) from None


def _credentials(access: SwitchAccess, secrets: Secrets, source: str) -> dict[str, Any]:
    given: dict[str, Any] = {"username": access.username, "allow_agent": secrets.ssh_agent}
    if not access.username:
        raise refusal("no username", "give the switch a username in the description", file=source)
    if secrets.ssh_key is not None:
        given["pkey"] = _private_key(secrets.ssh_key)
    if secrets.ssh_password is not None:
        given["password"] = secrets.ssh_password
    if len(given) == 2 and not secrets.ssh_agent:
        raise refusal(
            "no password, key or agent for SSH",
            "set PICLUSTER_SSH_PASSWORD, PICLUSTER_SSH_PASSWORD_FILE or PICLUSTER_SSH_KEY",
            file=source,
        )
    return given


def _private_key(path: Path) -> paramiko.PKey:
    with os_errors("read the private key", path):
        try:
            return paramiko.PKey.from_path(path)
        except (ValueError, TypeError, paramiko.SSHException):
            raise refusal(
                "not a private key without passphrase",
                "name an OpenSSH private key, or hold it in an agent",
                file=path,
            ) from None


def _connect(access: SwitchAccess, attempt: Attempt) -> MeteredSocket:
    attempt.at("connect")
    try:
        sock = socket.create_connection(
            (access.address, access.ssh_port), timeout=min(_CONNECT_S, attempt.left())
        )
    except TimeoutError:
        raise attempt.error("no answer", "check its address, power and cabling") from None
    except OSError as error:
        raise attempt.error(
            (error.strerror or str(error)).lower(), "check its address and that SSH is on"
        ) from None
    return MeteredSocket(sock, attempt.deadline, access.limit_s)


def _learn_host_key(access: SwitchAccess, attempt: Attempt) -> None:
    """Keep the key of a switch met for the first time, and say so."""
    known_hosts, name = _known_as(access)
    if host_keys.is_known(known_hosts, name):
        return
    with _connect(access, attempt) as sock:
        attempt.at("exchange keys")
        try:
            kept = host_keys.learn(sock, known_hosts, name, attempt.left())
        except _FAILURES as error:
            raise _explained(access, attempt, sock, error) from None
    attempt.at(f"kept the new host key {kept}")


def _known_as(access: SwitchAccess) -> tuple[Path, str]:
    return access.known_hosts.expanduser(), host_keys.host_name(access.address, access.ssh_port)


def _options(access: SwitchAccess, attempt: Attempt, dialect: Dialect) -> dict[str, Any]:
    left = attempt.left()
    return {
        "device_type": dialect.driver,
        "host": access.address,
        "port": access.ssh_port,
        "auto_connect": False,
        "ssh_strict": True,
        "alt_host_keys": True,
        "alt_key_file": str(_known_as(access)[0]),
        "conn_timeout": left,
        "auth_timeout": left,
        "banner_timeout": left,
        "blocking_timeout": left,
        "session_timeout": left,
        "read_timeout_override": left,
    }


def _talk(
    attempt: Attempt, options: dict[str, Any], sock: MeteredSocket, commands: list[str]
) -> list[str]:
    guard = PollGuard(sock)
    connection = netmiko.ConnectHandler(sock=sock, session_log=guard, **options)
    guard.connection = connection
    try:
        attempt.at("log in")
        connection.establish_connection()
        attempt.at("wait for a prompt")
        connection.write_channel(connection.RETURN)
        connection.session_preparation()
        answers = []
        for command in commands:
            attempt.at(command)
            answers.append(str(connection.send_command(command)))
        return answers
    finally:
        connection.paramiko_cleanup()


def _explained(
    access: SwitchAccess, attempt: Attempt, sock: MeteredSocket, error: Exception
) -> PiclusterError:
    """Say in one message what ended the session."""
    if isinstance(error, PiclusterError):
        return error
    known_hosts, name = _known_as(access)
    # netmiko gives every failed connection the same type and a page of advice.
    flat = isinstance(error, netmiko.NetmikoTimeoutException | netmiko.NetmikoBaseException)
    cause = (flat and error.__context__) or error
    what, remedy = _first_line(cause), "check that SSH to it works by hand"
    if sock.ended:
        what, remedy = sock.ended, "check the switch's load, or give it a longer --timeout"
    elif isinstance(cause, paramiko.BadHostKeyException):
        what = (
            f"its host key changed: it shows {host_keys.fingerprint(cause.key)}, "
            f"known is {host_keys.fingerprint(cause.expected_key)}"
        )
        remedy = (
            "another machine may answer on its address; if the switch was replaced, run "
            f"ssh-keygen -R '{name}' -f {known_hosts}"
        )
    elif isinstance(cause, paramiko.AuthenticationException):
        what, remedy = f"login as {shown(access.username)} refused", "check username and secret"
    elif "not found in known_hosts" in str(cause):
        what = f"its host key is not in {known_hosts}"
        remedy = "add the key you can vouch for, or harvest once with --accept-new-host-keys"
    elif isinstance(cause, SessionEndedError):
        what, remedy = str(cause), "try again; the answer was not complete"
    return attempt.error(what, remedy)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shown(lines[0]) if lines else type(error).__name__

"""A switch's SSH command line: UniFi's shell, IOS' or a Linux bridge's, with its bad days."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

import asyncssh

from twin.devices.fdb import (
    Fdb,
    bridge_fdb_show,
    ios_mac_table,
    swctrl_mac_show,
    swctrl_port_show,
)
from twin.devices.server import LoopServer


class Shell(StrEnum):
    """Which command line answers."""

    UNIFI = "unifi"
    IOS = "ios"
    LINUX = "linux"


class Mode(StrEnum):
    """How it behaves."""

    WELL = "well"
    HANG_LOGIN = "hang-login"  # takes the connection and says nothing
    HANG = "hang"  # takes the command and never answers
    SLOW = "slow"  # answers a character at a time
    CUT = "cut"  # ends the session in the middle of the answer
    GARBAGE = "garbage"  # answers with binary
    FLOOD = "flood"  # answers without end


_PROMPTS = {Shell.UNIFI: "USW-48.6.5.59# ", Shell.IOS: "Switch#", Shell.LINUX: "root@br:~# "}
_BANNERS = {Shell.UNIFI: "\r\n   Welcome to UniFi USW-48!\r\n\r\n", Shell.IOS: "", Shell.LINUX: ""}


class _Login(asyncssh.SSHServer):
    def __init__(self, username: str, password: str) -> None:
        self._login = (username, password)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == self._login


class SwitchSsh(LoopServer):
    """The SSH side of a simulated switch.

    Attributes:
        mode: how it behaves; may be changed while it runs.
        commands: every command line it was given, for tests.
    """

    def __init__(  # noqa: PLR0913 - each is one property of the switch
        self,
        fdb: Fdb,
        *,
        shell: Shell = Shell.UNIFI,
        mode: Mode = Mode.WELL,
        username: str = "ubnt",
        password: str = "ubnt",  # noqa: S107 - the factory password of the simulated device
        uplinks: Iterable[int] = (),
        authorized_keys: str = "",
        address: str = "127.0.0.1",
        port: int = 0,
        lifetime_s: float = 600.0,
    ) -> None:
        """Make a switch.

        Args:
            fdb: gives its forwarding database.
            shell: which command line answers.
            mode: how it behaves.
            username: the one account.
            password: its password.
            uplinks: port numbers ``swctrl port show`` marks.
            authorized_keys: public keys that open the account too, as in OpenSSH's file.
            address: address to listen on.
            port: TCP port, 0 for an ephemeral one.
            lifetime_s: seconds after which it stops by itself.
        """
        super().__init__(address=address, port=port, lifetime_s=lifetime_s)
        self.mode = mode
        self.commands: list[str] = []
        self._fdb = fdb
        self._shell = shell
        self._account = (username, password)
        self._uplinks = tuple(uplinks)
        self._authorized = authorized_keys
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._listener: asyncssh.SSHAcceptor | asyncio.Server | None = None

    def renew_host_key(self) -> None:
        """Take a new host key, as a replaced switch has; before :meth:`start`."""
        self._key = asyncssh.generate_private_key("ssh-ed25519")

    def known_hosts_line(self) -> str:
        """The line of an OpenSSH known_hosts file that vouches for it."""
        return f"[{self.address}]:{self.port} {self._key.export_public_key().decode().strip()}\n"

    async def _open(self) -> None:
        if self.mode is Mode.HANG_LOGIN:
            server = await asyncio.start_server(self._say_nothing, self.address, self.port)
            self._listener = server
            self.port = server.sockets[0].getsockname()[1]
            return
        keys = asyncssh.import_authorized_keys(self._authorized) if self._authorized else None
        self._listener = await asyncssh.listen(
            self.address,
            self.port,
            server_factory=lambda: _Login(*self._account),
            server_host_keys=[self._key],
            authorized_client_keys=keys,
            process_factory=self._session,
            line_editor=False,
            encoding=None,
        )
        self.port = self._listener.get_port()

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            if isinstance(self._listener, asyncssh.SSHAcceptor):
                await self._listener.wait_closed()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    async def _say_nothing(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while await reader.read(4096):
                pass
        finally:
            writer.close()

    async def _session(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        prompt = _PROMPTS[self._shell].encode()
        process.stdout.write(_BANNERS[self._shell].encode() + prompt)
        line = bytearray()
        while chunk := await process.stdin.read(1024):
            for char in chunk:
                if char not in b"\r\n":
                    line.append(char)
                    process.stdout.write(bytes([char]))
                    continue
                process.stdout.write(b"\r\n")
                command = line.decode("utf-8", "replace").strip()
                line.clear()
                if command:
                    self.commands.append(command)
                if command in {"exit", "quit", "logout"}:
                    process.exit(0)
                    return
                if not await self._answer(process, command):
                    return
                process.stdout.write(prompt)
        process.exit(0)

    async def _answer(self, process: asyncssh.SSHServerProcess[bytes], command: str) -> bool:
        """Answer a command; false when the session is over."""
        table = command in self._tables()
        if not table or self.mode is Mode.WELL:
            process.stdout.write(_crlf(self._text(command)))
            return True
        return await self._misbehave(process, _crlf(self._text(command)))

    async def _misbehave(self, process: asyncssh.SSHServerProcess[bytes], text: bytes) -> bool:
        out = process.stdout
        match self.mode:
            case Mode.HANG:
                await asyncio.sleep(self.lifetime_s)
            case Mode.SLOW:
                for char in text:
                    out.write(bytes([char]))
                    await asyncio.sleep(0.05)
            case Mode.CUT:
                out.write(text[: len(text) // 2])
                await out.drain()
                process.exit(1)
                return False
            case Mode.GARBAGE:
                out.write(bytes(range(128, 256)) * 4 + b"\x00\x1b[2J\r\n")
            case Mode.FLOOD:
                while not process.is_closing():
                    out.write(b"9" * 65536)
                    await out.drain()
                    await asyncio.sleep(0)  # the client's leaving is noticed only when idle
        return True

    def _tables(self) -> Mapping[str, Callable[[], str]]:
        match self._shell:
            case Shell.UNIFI:
                return {
                    "swctrl mac show": lambda: swctrl_mac_show(self._fdb()),
                    "swctrl port show": lambda: swctrl_port_show(self._fdb(), self._uplinks),
                }
            case Shell.IOS:
                return {"show mac address-table": lambda: ios_mac_table(self._fdb())}
            case Shell.LINUX:
                return {"bridge fdb show": lambda: bridge_fdb_show(self._fdb())}

    def _text(self, command: str) -> str:
        tables = self._tables()
        if command in tables:
            return tables[command]()
        if not command or (self._shell is Shell.IOS and command.startswith("terminal ")):
            return ""
        if self._shell is Shell.IOS:
            return "           ^\n% Invalid input detected at '^' marker.\n"
        return f"-sh: {command.split(maxsplit=1)[0]}: not found"


def _crlf(text: str) -> bytes:
    return b"".join(line.encode() + b"\r\n" for line in text.split("\n")) if text else b""

"""A Synaccess netBooter: its telnet dialogue with the ways of its firmware, and its faults.

What it prints is what captured sessions of NP-02B, NP-05B and NP-08 units show: negotiation bytes
before the banner, lines that end with LF CR or CR LF, NUL bytes, all outlets on one line, names
that hold blanks and ``#``. What it does is what their users report: one session at a time, and
characters lost that come too fast after a prompt.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from enum import StrEnum

from twin.devices.outlets import Outlets
from twin.devices.server import LoopServer


class Mode(StrEnum):
    """How it behaves."""

    WELL = "well"
    HANGS = "hangs"  # takes connections and says nothing
    HANGS_AT_PSET = "hangs-at-pset"  # says nothing more once it is told to switch
    GARBAGE = "garbage"  # answers pshow with noise
    FLOOD = "flood"  # answers pshow without end
    DROPS_AT_PSET = "drops-at-pset"  # switches and ends the session
    DROPS_BEFORE_PSET = "drops-before-pset"  # ends the session instead of switching
    DROPS_ONCE = "drops-once"  # ends the first session that switches, then behaves
    DROPS_AT_PSHOW = "drops-at-pshow"  # ends the session in the middle of the table
    FORGES = "forges"  # shows an outlet twice
    REFUSES = "refuses"  # takes no login


class Login(StrEnum):
    """Whether it wants a login."""

    NONE = "none"  # takes commands at once; knows login
    DEMANDS = "demands"  # takes commands after ``login`` only
    ASKS = "asks"  # asks as soon as it is connected


@dataclass(frozen=True, slots=True)
class Firmware:
    """How one firmware talks.

    Attributes:
        banner: its first line.
        negotiation: what it sends before it.
        prompt: what it ends an answer with.
        silent: says nothing before the first line comes.
        login: see :class:`Login`.
        user_prompt: asks for the user with.
        password_prompt: asks for the password with.
        one_line: shows all outlets on one line.
        reservation: has one more column.
        words: how on and off are written.
        echo: writes back what it is sent.
        deaf_s: seconds after an answer in which it loses what it is sent.
    """

    banner: str = "Synaccess Inc. Telnet Session V6.1."
    negotiation: bytes = b"\xff\xfd\x03\xff\xfb\x01\xff\xfe\x22"
    prompt: str = ">"
    silent: bool = False
    login: Login = Login.NONE
    user_prompt: str = "User ID: "
    password_prompt: str = "Password:"  # noqa: S105 - a prompt
    one_line: bool = False
    reservation: bool = False
    words: tuple[str, str] = ("ON ", "OFF")
    echo: bool = True
    deaf_s: float = 0.05


#: Firmware as it was met, by name.
FIRMWARE = {
    "np05b": Firmware(),
    "np05b-one-line": Firmware(one_line=True, banner="Synaccess Telnet V6.2"),
    "np05b-login": Firmware(login=Login.DEMANDS),
    "np05b-short-prompts": Firmware(
        login=Login.DEMANDS,
        user_prompt="ID>",
        password_prompt="PW>",  # noqa: S106 - a prompt
    ),
    "np08": Firmware(reservation=True, login=Login.DEMANDS, echo=False),
    "rev-a": Firmware(
        banner="Synaccess", login=Login.ASKS, words=("On ", "Off"), negotiation=b"", silent=True
    ),
}


class SynaccessPdu(LoopServer):
    """The telnet side of a netBooter.

    Attributes:
        mode: how it behaves; may be changed while it runs.
        outlets: its outlets.
        sessions: sessions begun.
        logouts: sessions that ended with ``logout``.
        lines: every line it took, without passwords.
    """

    def __init__(  # noqa: PLR0913 - each is one property of the PDU
        self,
        outlets: Outlets | None = None,
        *,
        firmware: Firmware = FIRMWARE["np05b"],
        mode: Mode = Mode.WELL,
        username: str = "admin",
        password: str = "admin",  # noqa: S107 - the simulated PDU's
        answer_s: float = 0.0,
        address: str = "127.0.0.1",
        port: int = 0,
        lifetime_s: float = 600.0,
    ) -> None:
        """Make one.

        Args:
            outlets: its outlets; five that are off unless given.
            firmware: how it talks.
            mode: how it behaves.
            username: the one account.
            password: its password.
            answer_s: seconds it takes for each answer.
            address: address to listen on.
            port: TCP port, 0 for an ephemeral one.
            lifetime_s: seconds after which it stops by itself.
        """
        super().__init__(address=address, port=port, lifetime_s=lifetime_s)
        self.mode = mode
        self.outlets = outlets if outlets is not None else Outlets()
        self.sessions = self.logouts = 0
        self.lines: list[str] = []
        self.answer_s = answer_s
        self._firmware = firmware
        self._account = (username, password)
        self._server: asyncio.Server | None = None
        self._open_session: asyncio.StreamWriter | None = None

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve_one, self.address, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._open_session is not None:
            self._open_session.transport.abort()
        self.outlets.stop()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open_session is not None:
            writer.close()  # one at a time
            return
        self._open_session = writer
        self.sessions += 1
        try:
            await _Dialogue(self, self._firmware, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side is gone
        finally:
            self._open_session = None
            writer.close()

    def good(self, username: str, password: str) -> bool:
        """Whether it lets someone in."""
        return self.mode is not Mode.REFUSES and (username, password) == self._account


class _EndedError(ConnectionError):
    """The PDU ends the session."""


class _Dialogue:
    """One session."""

    def __init__(
        self,
        pdu: SynaccessPdu,
        firmware: Firmware,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._pdu = pdu
        self._firmware = firmware
        self._reader = reader
        self._writer = writer
        self._inside = firmware.login is Login.NONE
        self._answered = 0.0
        self._pending = b""

    async def run(self) -> None:
        """Talk until the session ends."""
        firmware = self._firmware
        if self._pdu.mode is Mode.HANGS:
            await self._reader.read(-1)
            return
        if not firmware.silent:
            self._writer.write(firmware.negotiation + f"\r\n{firmware.banner}".encode())
        if firmware.login is Login.ASKS:
            await self._log_in()
        await self._say("\n\r\0" + firmware.prompt)
        while True:
            await self._command(await self._line())

    async def _line(self, *, secret: bool = False) -> str:
        """A line; what comes within the deaf time after an answer is lost."""
        line = bytearray()
        while True:
            if not self._pending:
                self._pending = await self._reader.read(256)
                if not self._pending:
                    raise _EndedError
                if time.monotonic() - self._answered < self._firmware.deaf_s:
                    self._pending = b""
                    continue
            byte, self._pending = self._pending[:1], self._pending[1:]
            if byte == b"\r":
                self._pending = self._pending.removeprefix(b"\n").removeprefix(b"\0")
                break
            line += byte
        text = _without_commands(bytes(line)).strip("\n")
        if not secret:
            self._pdu.lines.append(text)
        if self._firmware.echo:
            await self._say("*" * len(text) if secret else text, done=False)
        return text

    async def _say(self, text: str, *, done: bool = True) -> None:
        if done:
            await asyncio.sleep(self._pdu.answer_s)
            self._answered = time.monotonic()
        self._writer.write(text.encode("latin-1"))
        await self._writer.drain()

    async def _log_in(self) -> None:
        await self._say("\r\n" + self._firmware.user_prompt)
        username = await self._line()
        await self._say("\r\n" + self._firmware.password_prompt)
        password = await self._line(secret=True)
        self._inside = self._pdu.good(username, password)
        if not self._inside:
            await self._say("\r\nInvalid user ID or password")
            if self._firmware.login is Login.ASKS:
                raise _EndedError

    async def _command(self, line: str) -> None:
        words = line.split()
        verb, mode = (words or [""])[0].lower(), self._pdu.mode
        if verb == "login":
            await self._log_in()
        elif verb == "logout":
            self._pdu.logouts += 1
            await self._say("\r\nGoodbye!\r\n")
            raise _EndedError
        elif not self._inside and verb:
            await self._say("\r\nPlease log in")
        elif verb == "pshow":
            await self._pshow(mode)
        elif verb == "pset" and len(words) == 3:
            await self._pset(words, mode)
        elif verb == "ver":
            await self._say("\r\nHW3.2 FW95 WF88")
        elif verb:
            await self._say("\r\nUnknown command")
        await self._say(f"\r\n{self._firmware.prompt}")

    async def _pset(self, words: list[str], mode: Mode) -> None:
        if mode is Mode.HANGS_AT_PSET:
            await self._reader.read(-1)
            raise _EndedError
        if mode is Mode.DROPS_BEFORE_PSET:
            raise _EndedError
        number, on = int(words[1]), words[2] == "1"
        if number in self._pdu.outlets:
            self._pdu.outlets.set(number, on)
        else:
            await self._say("\r\nInvalid outlet")
        if mode is Mode.DROPS_AT_PSET:
            raise _EndedError
        if mode is Mode.DROPS_ONCE:
            self._pdu.mode = Mode.WELL
            raise _EndedError

    async def _pshow(self, mode: Mode) -> None:
        table = self._table()
        if mode is Mode.GARBAGE:
            noise = random.Random(4)  # noqa: S311 - noise
            table = "".join(chr(noise.randrange(1, 255)) for _ in range(300))
        elif mode is Mode.FORGES:
            table += self._rows()
        elif mode is Mode.DROPS_AT_PSHOW:
            await self._say(table[: len(table) // 2])
            raise _EndedError
        elif mode is Mode.FLOOD:
            while True:
                await self._say(table * 50)
        await self._say(table)

    def _table(self) -> str:
        more = "| Reservation" if self._firmware.reservation else ""
        return f"\n\r\r\n\rPort | Name       |Status{more}\n\r{self._rows()}"

    def _rows(self) -> str:
        firmware, outlets = self._firmware, self._pdu.outlets
        end = "" if firmware.one_line else "\n\r"
        return "".join(
            f"{number:4} | {outlets.name(number):>10} |   {firmware.words[not on]}|{end}"
            for number, on in outlets.states.items()
        )


def _without_commands(data: bytes) -> str:
    """Text without telnet negotiation: three bytes for each command."""
    text = bytearray()
    place = 0
    while place < len(data):
        if data[place] == 255:
            place += 3
        else:
            text.append(data[place])
            place += 1
    return text.decode("latin-1")

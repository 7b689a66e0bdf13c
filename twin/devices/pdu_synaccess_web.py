"""The web side of a Synaccess unit: ``cmd.cgi``, or what its older firmware has instead."""

from __future__ import annotations

import asyncio
import base64
from enum import StrEnum

from aiohttp import web

from twin.devices.outlets import Outlets
from twin.devices.server import LoopServer


class Mode(StrEnum):
    """How it behaves."""

    WELL = "well"
    HANG = "hang"
    ERROR_500 = "error-500"
    NOT_A_PDU = "not-a-pdu"  # some other web site
    REDIRECT = "redirect"  # sends the login elsewhere
    FLOOD = "flood"
    DROPS = "drops"  # ends the connection instead of switching
    REFUSES = "refuses"  # answers $AF to every command but status


class Ways(StrEnum):
    """What the firmware takes."""

    SPACES = "spaces"  # $A3 1 1, percent-encoded
    PLUS = "plus"  # $A3+1+1
    COMMAS = "commas"  # $A3,1,1
    RELAYS = "relays"  # Success! to everything; status.xml and rly=N
    PAGES = "pages"  # synOpStatus.shtml and pwrSwN.cgi


_BETWEEN = {Ways.SPACES: "%20", Ways.PLUS: "+", Ways.COMMAS: ","}


class SynaccessWeb(LoopServer):
    """The HTTP side of a unit.

    Attributes:
        mode: how it behaves; may be changed while it runs.
        outlets: its outlets.
        paths: every path asked for, as it came.
    """

    def __init__(  # noqa: PLR0913 - each is one property of the PDU
        self,
        outlets: Outlets | None = None,
        *,
        ways: Ways = Ways.SPACES,
        metered: bool = True,
        mode: Mode = Mode.WELL,
        username: str = "admin",
        password: str = "admin",  # noqa: S107 - the simulated PDU's
        address: str = "127.0.0.1",
        port: int = 0,
        lifetime_s: float = 600.0,
    ) -> None:
        """Make one.

        Args:
            outlets: its outlets; five that are off unless given.
            ways: what its firmware takes.
            metered: shows current and temperature behind the outlets.
            mode: how it behaves.
            username: the one account.
            password: its password.
            address: address to listen on.
            port: TCP port, 0 for an ephemeral one.
            lifetime_s: seconds after which it stops by itself.
        """
        super().__init__(address=address, port=port, lifetime_s=lifetime_s)
        self.mode = mode
        self.outlets = outlets if outlets is not None else Outlets()
        self.paths: list[str] = []
        self._ways = ways
        self._metered = metered
        self._login = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self._toggling: int | None = None
        self._runner: web.AppRunner | None = None

    async def _open(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self.outlets.stop()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path.lstrip("/")
        self.paths.append(path)
        if request.headers.get("Authorization") != self._login:
            return web.Response(status=401, text="401 - unauthorized")
        return await self._misbehave(request, path) or self._page(path)

    async def _misbehave(self, request: web.Request, path: str) -> web.StreamResponse | None:
        if self.mode is Mode.HANG:
            await asyncio.sleep(self.lifetime_s)
        if self.mode is Mode.ERROR_500:
            return web.Response(status=500, text="oops")
        if self.mode is Mode.NOT_A_PDU:
            return web.Response(text="<html>It works!</html>", content_type="text/html")
        if self.mode is Mode.REDIRECT:
            return web.Response(status=302, headers={"Location": f"http://{self.address}:9/"})
        if self.mode is Mode.FLOOD:
            return web.Response(text="11111," * 200_000)
        if self.mode is Mode.DROPS and "$A3" in path and request.transport is not None:
            request.transport.abort()
            return web.Response()
        return None

    def _page(self, path: str) -> web.Response:
        if self._ways is Ways.PAGES:
            return self._pages(path)
        if self._ways is Ways.RELAYS:
            return self._relays(path)
        command = path.removeprefix("cmd.cgi?")
        if path == command:
            return web.Response(status=404)
        return web.Response(text=f"{self._command(command)}\r\n\r\n\r\n")

    def _command(self, command: str) -> str:
        words = command.split(_BETWEEN[self._ways])
        if words == ["$A5"]:
            bits = "".join("01"[on] for on in reversed(self.outlets.states.values()))
            return f"$A0,{bits},0.85,XX" if self._metered else bits
        if len(words) != 3 or words[0] != "$A3" or self.mode is Mode.REFUSES:
            return "$AF"
        number, on = int(words[1]), words[2] == "1"
        if number not in self.outlets:
            return "$AF"
        self.outlets.set(number, on)
        return "$A0"

    def _relays(self, path: str) -> web.Response:
        if path == "status.xml":
            # Eight relays whatever the unit has, number 0 last.
            states = {n: self.outlets.states.get(n + 1, False) for n in (*range(1, 8), 0)}
            rows = "".join(f"<rly{n}>{int(on)}</rly{n}>\r\n" for n, on in states.items())
            text = f"<response>\r\n{rows}<ac0></ac0>\r\n<err1>.</err1>\r\n</response> \r\n"
            return web.Response(text=text, content_type="text/xml")
        if path.startswith("cmd.cgi?rly="):
            self.outlets.toggle(int(path.partition("=")[2]) + 1)
        if path.startswith("cmd.cgi"):
            return web.Response(text="Success! ")
        return web.Response(status=404)

    def _pages(self, path: str) -> web.Response:
        if path.startswith("pwrSw"):
            # Nothing happens before the status page is read next.
            self._toggling = int(path.removeprefix("pwrSw").removesuffix(".cgi"))
            return web.Response(status=302, headers={"Location": "synOpStatus.shtml"})
        if path != "synOpStatus.shtml":
            return web.Response(status=404)
        if self._toggling is not None:
            self.outlets.toggle(self._toggling)
            self._toggling = None
        rows = "\n".join(
            f'<TR><TH>{n}<TH><A HREF="/pwrSw{n}.cgi"><img SRC="button.gif"></A><TH>\n'
            f'<A HREF="/pwrRb{n}.cgi"><img SRC="button.gif" ></A>'
            f'<TH><img SRC="led{"on" if on else "off"}.gif"><TH>Port{n}<TH>Open'
            for n, on in self.outlets.states.items()
        )
        head = "<TR><TH>Port #<TH>On/Off<TH>Reboot<TH>Status<TH>Port Name<TH>Reservation"
        text = f"<html><body><TABLE BORDER>{head}\n{rows}\n</TABLE></body></html>"
        return web.Response(text=text, content_type="text/html")

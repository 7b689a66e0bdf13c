"""A UniFi controller's HTTP API, as far as the harvest, PoE ports and relay outlets need it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from aiohttp import web

from twin.devices.server import LoopServer
from twin.devices.tls import self_signed
from twin.devices.unifi_switch import UnifiSwitch

Handler = Callable[[web.Request], Any]


class Mode(StrEnum):
    """How it behaves."""

    WELL = "well"
    FORGETS = "forgets"  # takes the login, then answers 401 to everything
    ERROR_500 = "error-500"
    BAD_JSON = "bad-json"  # stops in the middle of a document
    NOT_JSON = "not-json"  # some other web site
    ODD_JSON = "odd-json"  # JSON of another shape
    HANG = "hang"
    REDIRECT = "redirect"  # sends the login elsewhere
    LIMITS = "limits"  # has seen too many logins


class UnifiController(LoopServer):
    """A controller with one site.

    Attributes:
        switches: its devices.
        mode: how it behaves; may be changed while it runs.
        certificate: its certificate, PEM.
        logins: logins tried.
    """

    def __init__(  # noqa: PLR0913 - each is one property of the controller
        self,
        switches: Iterable[UnifiSwitch],
        *,
        unifi_os: bool = True,
        username: str = "picluster",
        password: str = "unifi",  # noqa: S107 - the simulated controller's
        mode: Mode = Mode.WELL,
        certificate_days: int = 1,
        site: str = "default",
        address: str = "127.0.0.1",
        port: int = 0,
        lifetime_s: float = 600.0,
    ) -> None:
        """Make a controller.

        Args:
            switches: the devices it has adopted.
            unifi_os: a UniFi OS console; otherwise a classic controller.
            username: the one account.
            password: its password.
            mode: how it behaves.
            certificate_days: days its certificate is valid.
            site: the one site.
            address: address to listen on.
            port: TCP port, 0 for an ephemeral one.
            lifetime_s: seconds after which it stops by itself.
        """
        super().__init__(address=address, port=port, lifetime_s=lifetime_s)
        self.switches = tuple(switches)
        self.mode = mode
        self.logins = 0
        self._unifi_os = unifi_os
        self._login = (username, password)
        self._site = site
        self._tokens: dict[str, str] = {}
        self._tls, self.certificate = self_signed(address, certificate_days)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Its URL."""
        return f"https://{self.address}:{self.port}"

    async def _open(self) -> None:
        api = f"{'/proxy/network' if self._unifi_os else ''}/api/s/{self._site}"
        app = web.Application(middlewares=[self._behave])
        app.router.add_get("/", self._root)
        app.router.add_post("/api/auth/login" if self._unifi_os else "/api/login", self._log_in)
        app.router.add_get(f"{api}/stat/device", self._devices)
        app.router.add_get(f"{api}/stat/sta", self._clients)
        app.router.add_post(f"{api}/cmd/devmgr", self._command)
        app.router.add_put(f"{api}/rest/device/{{device}}", self._configure)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, self.port, ssl_context=self._tls).start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        for switch in self.switches:
            if switch.outlets is not None:
                switch.outlets.stop()

    @web.middleware
    async def _behave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        first, login = request.path == "/", request.path.endswith("/login")
        if self.mode is Mode.HANG and not first:
            await asyncio.sleep(self.lifetime_s)
        if self.mode is Mode.LIMITS and login:
            return web.json_response({"code": "AUTHENTICATION_FAILED_LIMIT_REACHED"}, status=429)
        if self.mode is Mode.REDIRECT and login:
            return web.Response(status=307, headers={"Location": f"{self.url}/elsewhere"})
        if self.mode is Mode.NOT_JSON:
            return web.Response(text="<html>It works!</html>", content_type="text/html")
        if not (first or login) and (refusal := self._refusal(request)) is not None:
            return refusal
        response: web.StreamResponse = await handler(request)
        half = self.mode is Mode.BAD_JSON and not (first or login)
        if half and isinstance(response, web.Response):
            body = (response.text or "").encode()
            return web.Response(body=body[: len(body) // 2], content_type="application/json")
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.mode is Mode.ERROR_500:
            return web.Response(status=500, text="<html>oops</html>", content_type="text/html")
        if self.mode is Mode.ODD_JSON:
            return web.json_response({"meta": "fine", "data": 7})
        if self.mode is Mode.FORGETS or request.cookies.get("TOKEN") not in self._tokens:
            return _error("api.err.LoginRequired", 401)
        if request.method != "GET" and self._unifi_os and not self._has_csrf_token(request):
            return web.Response(status=403)
        return None

    def _has_csrf_token(self, request: web.Request) -> bool:
        token = self._tokens.get(request.cookies.get("TOKEN", ""))
        return token is not None and request.headers.get("X-CSRF-Token") == token

    async def _root(self, _request: web.Request) -> web.Response:
        if self._unifi_os:
            return web.Response(text="<html>UniFi OS</html>", content_type="text/html")
        return web.Response(status=302, headers={"Location": "/manage"})

    async def _log_in(self, request: web.Request) -> web.Response:
        self.logins += 1
        try:
            given = await request.json()
            good = (given["username"], given["password"]) == self._login
        except (json.JSONDecodeError, KeyError, TypeError):
            good = False
        if not good:
            if self._unifi_os:
                return web.json_response({"code": "AUTHENTICATION_FAILED_INVALID"}, status=403)
            return _error("api.err.Invalid", 400)
        token, csrf = secrets.token_hex(), secrets.token_hex()
        self._tokens[token] = csrf
        answer: dict[str, Any] = {"unique_id": "1"} if self._unifi_os else _ok([])
        response = web.json_response(answer, headers={"X-CSRF-Token": csrf})
        response.set_cookie("TOKEN", token, secure=True, httponly=True)
        return response

    async def _devices(self, _request: web.Request) -> web.Response:
        return web.json_response(_ok([switch.device(self.address) for switch in self.switches]))

    async def _clients(self, _request: web.Request) -> web.Response:
        return web.json_response(_ok([one for switch in self.switches for one in switch.clients()]))

    async def _command(self, request: web.Request) -> web.Response:
        try:
            given = await request.json()
            command, target, port = given["cmd"], given["mac"], int(given["port_idx"])
        except (json.JSONDecodeError, KeyError, TypeError, ValueError):
            return _error("api.err.InvalidPayload", 400)
        switch = next((one for one in self.switches if one.mac == target), None)
        if command != "power-cycle" or switch is None:
            return _error("api.err.UnknownDevice", 400)
        try:
            switch.cycle(port)
        except ValueError:
            return _error("api.err.UnknownDevice", 400)
        return web.json_response(_ok([]))

    async def _configure(self, request: web.Request) -> web.Response:
        device = request.match_info["device"]
        switch = next((one for one in self.switches if one.device_id == device), None)
        if switch is None:
            return _error("api.err.UnknownDevice", 404)
        try:
            switch.configure(await request.json())
        except (json.JSONDecodeError, KeyError, TypeError, ValueError):
            return _error("api.err.InvalidPayload", 400)
        return web.json_response(_ok([]))


def _ok(data: list[Any]) -> dict[str, Any]:
    return {"meta": {"rc": "ok"}, "data": data}


def _error(message: str, status: int) -> web.Response:
    return web.json_response({"meta": {"rc": "error", "msg": message}, "data": []}, status=status)

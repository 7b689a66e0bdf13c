"""Switches and wired clients of a site, asked of a UniFi controller by its HTTP API."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import urlsplit

import aiohttp
from aiounifi.controller import Controller
from aiounifi.errors import (
    AiounifiException,
    Forbidden,
    LoginRequired,
    NoPermission,
    ResponseError,
    TwoFaTokenRequired,
    Unauthorized,
)
from aiounifi.models.api import ApiRequest
from aiounifi.models.client import ClientListRequest
from aiounifi.models.configuration import Configuration
from aiounifi.models.device import DeviceListRequest

from picluster.errors import PiclusterError, os_errors, refusal, shown
from picluster.harvest.live.access import ControllerAccess, Progress, Secrets
from picluster.harvest.live.attempt import Attempt
from picluster.harvest.live.text import now
from picluster.harvest.observation import Fact

# At level DEBUG the client library writes the password out: its log stays shut.
logging.getLogger("aiounifi.interfaces.connectivity").disabled = True

#: A thousand switches of 48 ports print to about as much.
MAX_ANSWER = 64 * 1024 * 1024
_BY_HAND = "check that the URL is the controller's, and its health"
_REFUSED = (Forbidden, LoginRequired, NoPermission, Unauthorized)


def observe_controller(
    access: ControllerAccess, secrets: Secrets, progress: Progress | None = None
) -> Iterator[Fact]:
    """Yield where a site's wired clients are plugged in, by switch name and port.

    Classic controllers and UniFi OS consoles are told apart by the client library.

    Args:
        access: the controller.
        secrets: its password.
        progress: told about each step.

    Raises:
        PiclusterError: no answer, an untrusted certificate, a refused login, an answer that is an
            error or no JSON, or the time limit; one message says which.
    """
    from picluster.harvest.formats.base import Context  # noqa: PLC0415 - as in text.py
    from picluster.harvest.formats.switch.unifi import facts  # noqa: PLC0415

    source = f"unifi:{access.name}"
    host, port = _host_and_port(access.url, source)
    if not access.username or not secrets.unifi_password:
        raise refusal(
            "no username or no password for the controller",
            "give a username in the description and set PICLUSTER_UNIFI_PASSWORD or "
            "PICLUSTER_UNIFI_PASSWORD_FILE",
            file=source,
        )
    attempt = Attempt(source, f"{host}:{port}", access.limit_s, progress)
    answers = asyncio.run(_ask(access, secrets.unifi_password, host, port, attempt))
    yield from facts(answers, Context(source, now()))


def _host_and_port(url: str, source: str) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port or 443
    except ValueError:
        port = 0
    plain = not (parts.username or parts.query or parts.fragment or parts.path.strip("/"))
    if parts.scheme != "https" or not parts.hostname or not plain or not port:
        raise refusal(
            f"not a controller's URL: {shown(url)}",
            "write https://host or https://host:8443",
            file=source,
        )
    return parts.hostname, port


class _AnswerError(aiohttp.ClientError):
    """An answer this module does not take; the text is its own."""


class _BoundedResponse(aiohttp.ClientResponse):
    """An answer of bounded size; a server error is an error whatever its body says."""

    async def read(self) -> bytes:
        if self.status >= 500 or self.status == 429:  # 429: too many logins
            raise _AnswerError(f"HTTP status {self.status}")
        body = bytearray()
        async for chunk in self.content.iter_chunked(65536):
            body += chunk
            if len(body) > MAX_ANSWER:
                raise _AnswerError(f"more than {MAX_ANSWER // 2**20} MiB of answer")
        return bytes(body)


async def _refuse_redirect(*_: object) -> None:
    # A redirected login would carry the password elsewhere.
    raise _AnswerError("redirected")


async def _ask(
    access: ControllerAccess, password: str, host: str, port: int, attempt: Attempt
) -> list[object]:
    redirects = aiohttp.TraceConfig(SimpleNamespace)
    redirects.on_request_redirect.append(_refuse_redirect)
    context = _tls(access)
    try:
        async with (
            asyncio.timeout(access.limit_s),
            aiohttp.ClientSession(
                # Controllers are mostly named by their address; cookies of those are unsafe.
                cookie_jar=aiohttp.CookieJar(unsafe=True),
                response_class=_BoundedResponse,
                trace_configs=[redirects],
            ) as session,
        ):
            controller = Controller(
                Configuration(
                    session,
                    host,
                    username=access.username,
                    password=password,
                    port=port,
                    site=access.site,
                    ssl_context=context,
                )
            )
            return await _dialogue(controller, attempt)
    except TimeoutError:
        raise attempt.error(
            f"no complete answer within {access.limit_s:g} s",
            "check the controller's health, or give it a longer --timeout",
        ) from None


def _tls(access: ControllerAccess) -> ssl.SSLContext:
    with os_errors("read the CA file", access.ca_file or ""):
        try:
            return ssl.create_default_context(cafile=access.ca_file)
        except ssl.SSLError:
            raise refusal(
                "no certificate in it", "give the controller's CA as PEM", file=access.ca_file
            ) from None


async def _dialogue(controller: Controller, attempt: Attempt) -> list[object]:
    try:
        attempt.at("log in")
        await controller.login()
        # Left alone, the library logs in again and again when a fresh login is not honoured.
        controller.connectivity.can_retry_login = False
        return [
            await _list(controller, attempt, "devices", DeviceListRequest.create()),
            await _list(controller, attempt, "clients", ClientListRequest.create()),
        ]
    except PiclusterError:
        raise
    except AiounifiException as error:
        raise _explained(error, attempt) from None
    except (ValueError, LookupError, TypeError, AttributeError):
        # The library indexes into what it decoded before looking at it.
        raise attempt.error("the answer is not the JSON of a controller", _BY_HAND) from None


async def _list(controller: Controller, attempt: Attempt, what: str, request: ApiRequest) -> object:
    attempt.at(f"list {what}")
    answer = await controller.request(request)
    if not isinstance(answer.get("data"), list):
        raise attempt.error("the answer is not the JSON of a controller", _BY_HAND)
    return answer


def _explained(error: AiounifiException, attempt: Attempt) -> PiclusterError:
    cause = error.__context__
    what, remedy = shown(_message(error)), _BY_HAND
    if isinstance(cause, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        why = getattr(getattr(cause, "certificate_error", None), "verify_message", "")
        what = f"its certificate is not trusted{f': {shown(why)}' if why else ''}"
        remedy = "give the CA file that vouches for it, and the name the certificate is for"
    elif isinstance(cause, aiohttp.ClientConnectorError):
        number = cause.os_error.errno
        what = os.strerror(number).lower() if number else "cannot connect"
        remedy = "check the URL and the port"
    elif isinstance(cause, aiohttp.ClientError):
        what = str(cause) if isinstance(cause, _AnswerError) else shown(str(cause))
    elif isinstance(error, TwoFaTokenRequired):
        what, remedy = "the account asks for a second factor", "use a local account"
    elif isinstance(error, _REFUSED):
        what, remedy = "refused", "check username, password and the account's site"
    elif isinstance(error, ResponseError):
        what, remedy = "not found", "check the site's short name and the URL"
    return attempt.error(what, remedy)


def _message(error: AiounifiException) -> object:
    body = error.args[0] if error.args else type(error).__name__
    meta = body.get("meta") if isinstance(body, dict) else None
    return meta.get("msg") if isinstance(meta, dict) else body

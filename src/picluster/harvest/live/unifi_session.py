"""A login at a UniFi controller: over trusted TLS, answers bounded, one message a failure."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any
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
from aiounifi.models.configuration import Configuration

from picluster.errors import PiclusterError, os_errors, refusal, shown
from picluster.harvest.live.access import ControllerAccess
from picluster.harvest.live.attempt import Attempt

# At level DEBUG the client library writes the password out: its log stays shut.
logging.getLogger("aiounifi.interfaces.connectivity").disabled = True

#: A thousand switches of 48 ports print to about as much.
MAX_ANSWER = 64 * 1024 * 1024
_BY_HAND = "check that the URL is the controller's, and its health"
_REFUSED = (Forbidden, LoginRequired, NoPermission, Unauthorized)


def host_and_port(url: str, source: str) -> tuple[str, int]:
    """The host and port of a controller's URL.

    Args:
        url: ``https://host[:port]``.
        source: the source, for the message.

    Raises:
        PiclusterError: it is no such URL.
    """
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
        if self.status == 429:
            raise _AnswerError("HTTP status 429: too many logins, wait some minutes")
        if self.status >= 500:
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


class UnifiSession:
    """A logged-in session with a controller."""

    def __init__(self, controller: Controller, attempt: Attempt) -> None:
        self._controller = controller
        self._attempt = attempt

    async def ask(self, step: str, request: ApiRequest) -> dict[str, Any]:
        """Send a request.

        Args:
            step: what it is, for messages.
            request: the request.

        Returns:
            The answer, with a list under ``data``.

        Raises:
            PiclusterError: refused, broken, or not the JSON of a controller.
        """
        self._attempt.at(step)
        with _one_voice(self._attempt):
            answer: Any = await self._controller.request(request)
            if not isinstance(answer.get("data"), list):
                raise _not_json(self._attempt)
            return dict(answer)


@asynccontextmanager
async def unifi_session(
    access: ControllerAccess, password: str, attempt: Attempt
) -> AsyncIterator[UnifiSession]:
    """Log in at a controller. The time limit is the caller's.

    Args:
        access: the controller.
        password: of the account.
        attempt: told about each step; makes the messages.

    Raises:
        PiclusterError: no answer, an untrusted certificate, a refused login, an answer that is an
            error or no JSON; one message says which.
    """
    host, port = host_and_port(access.url, attempt.source)
    redirects = aiohttp.TraceConfig(SimpleNamespace)
    redirects.on_request_redirect.append(_refuse_redirect)
    context = _tls(access)
    async with aiohttp.ClientSession(
        # Controllers are mostly named by their address; cookies of those are unsafe.
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        response_class=_BoundedResponse,
        trace_configs=[redirects],
    ) as session:
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
        attempt.at("log in")
        with _one_voice(attempt):
            await controller.login()
        # Left alone, the library logs in again and again when a fresh login is not honoured.
        controller.connectivity.can_retry_login = False
        yield UnifiSession(controller, attempt)


@contextmanager
def _one_voice(attempt: Attempt) -> Iterator[None]:
    try:
        yield
    except PiclusterError:
        raise
    except AiounifiException as error:
        raise _explained(error, attempt) from None
    except (ValueError, LookupError, TypeError, AttributeError):
        # The library indexes into what it decoded before looking at it.
        raise _not_json(attempt) from None


def _not_json(attempt: Attempt) -> PiclusterError:
    return attempt.error("the answer is not the JSON of a controller", _BY_HAND)


def _tls(access: ControllerAccess) -> ssl.SSLContext:
    with os_errors("read the CA file", access.ca_file or ""):
        try:
            return ssl.create_default_context(cafile=access.ca_file)
        except ssl.SSLError:
            raise refusal(
                "no certificate in it", "give the controller's CA as PEM", file=access.ca_file
            ) from None


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

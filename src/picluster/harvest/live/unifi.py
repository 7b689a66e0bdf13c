"""Switches and wired clients of a site, asked of a UniFi controller by its HTTP API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aiounifi.models.client import ClientListRequest
from aiounifi.models.device import DeviceListRequest

from picluster.errors import refusal
from picluster.harvest.live.access import ControllerAccess, Progress, Secrets
from picluster.harvest.live.attempt import Attempt
from picluster.harvest.live.text import now
from picluster.harvest.live.unifi_session import host_and_port, unifi_session
from picluster.harvest.observation import Fact


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
    host, port = host_and_port(access.url, source)
    if not access.username or not secrets.unifi_password:
        raise refusal(
            "no username or no password for the controller",
            "give a username in the description and set PICLUSTER_UNIFI_PASSWORD or "
            "PICLUSTER_UNIFI_PASSWORD_FILE",
            file=source,
        )
    attempt = Attempt(source, f"{host}:{port}", access.limit_s, progress)
    answers = asyncio.run(_ask(access, secrets.unifi_password, attempt))
    yield from facts(answers, Context(source, now()))


async def _ask(access: ControllerAccess, password: str, attempt: Attempt) -> list[object]:
    try:
        async with (
            asyncio.timeout(access.limit_s),
            unifi_session(access, password, attempt) as session,
        ):
            return [
                await session.ask("list devices", DeviceListRequest.create()),
                await session.ask("list clients", ClientListRequest.create()),
            ]
    except TimeoutError:
        raise attempt.error(
            f"no complete answer within {access.limit_s:g} s",
            "check the controller's health, or give it a longer --timeout",
        ) from None

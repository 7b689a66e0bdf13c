"""Driver ``unifi_poe``: ports of a UniFi switch that feed boards by PoE; outlets of a UniFi PDU.

The controller does what it is told some seconds later; a port is verified in the switch's own table
of ports. Where a board hangs on a port of its own, it can be cycled alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from aiounifi.models.api import ApiRequest
from aiounifi.models.device import DeviceListRequest, DevicePowerCyclePortRequest

from picluster.cluster.model import Controller, Pdu
from picluster.errors import refusal, shown
from picluster.harvest.live.access import ControllerAccess
from picluster.harvest.live.attempt import Attempt
from picluster.harvest.live.unifi_session import UnifiSession, host_and_port, unifi_session
from picluster.power.dialects import unifi
from picluster.power.driver import PowerSession, cycle_by_switching
from picluster.power.drivers.context import (
    Surroundings,
    attempt_at,
    only_dead,
    snmp_secrets,
    within,
)
from picluster.power.drivers.verify import known, verify
from picluster.power.model import OutletState

_LIMIT_S = 60.0
#: A switch takes its new settings from the controller within this time.
_PROVISION_S = 45.0


@asynccontextmanager
async def session(pdu: Pdu, around: Surroundings) -> AsyncIterator[PowerSession]:
    """Log in at the controller; one login for the whole session, for they are rationed."""
    access = _access(pdu, around)
    mac = _mac(pdu, around)
    password = snmp_secrets(around).unifi_password
    if not access.username or not password:
        raise refusal(
            f"no username or no password for controller {access.name}",
            "give a username in the description and set PICLUSTER_UNIFI_PASSWORD or "
            "PICLUSTER_UNIFI_PASSWORD_FILE",
            file=pdu.name,
        )
    host, port = host_and_port(access.url, pdu.name)
    attempt = attempt_at(pdu, f"{host}:{port}", pdu.timeout_s or _LIMIT_S)
    async with AsyncExitStack() as stack:
        async with only_dead(attempt), asyncio.timeout(attempt.limit_s):
            controller = await stack.enter_async_context(unifi_session(access, password, attempt))
        yield _Session(controller, mac, attempt)


def _access(pdu: Pdu, around: Surroundings) -> ControllerAccess:
    found: Controller | None = around.controllers.get(pdu.controller or "")
    if found is None:
        raise refusal(
            f"pdu {pdu.name} has driver unifi_poe and no controller",
            "describe the controller under controllers and name it",
            file=around.file or None,
        )
    return ControllerAccess(found.name, found.url, found.site, found.username or "", found.ca_file)


def _mac(pdu: Pdu, around: Surroundings) -> str:
    switch = around.switches.get(pdu.switch or "")
    if switch is None or switch.mac is None:
        what = f"pdu {pdu.name} has driver unifi_poe and no switch with a mac"
        if switch is not None:
            what = f"switch {switch.name} of pdu {pdu.name} has no mac"
        raise refusal(
            what, "describe the mac by which the controller knows it", file=around.file or None
        )
    return str(switch.mac)


class _Session:
    """See :class:`~picluster.power.driver.PowerSession`."""

    def __init__(self, controller: UnifiSession, mac: str, attempt: Attempt) -> None:
        self._controller = controller
        self._mac = mac
        self._attempt = attempt

    async def _ask(self, step: str, request: ApiRequest) -> list[object]:
        async with only_dead(self._attempt):
            return list((await self._controller.ask(step, request))["data"])

    async def status(self, outlets: Collection[int]) -> Mapping[int, OutletState]:
        """Every port or outlet that feeds."""
        async with within(self._attempt):
            states = await self._states()
        return {n: states.get(n, OutletState.UNKNOWN) for n in {*outlets, *states}}

    async def switch(self, outlet: int, *, on: bool) -> None:
        """Override the port's setting, then read until the switch shows it."""
        async with within(self._attempt):
            device = await self._device()
            wanted = OutletState.ON if on else OutletState.OFF
            if known(_states(device), outlet, self._attempt) is not wanted:
                body = unifi.overrides(device, outlet, on=on)
                step = f"switch port {outlet} {'on' if on else 'off'}"
                await self._ask(step, ApiRequest("put", f"/rest/device/{_id(device)}", body))
            # Room for the message: the time limit would speak otherwise.
            within_s = min(_PROVISION_S, self._attempt.limit_s * 0.8)
            await verify(outlet, on=on, read=self._states, attempt=self._attempt, within_s=within_s)

    async def cycle(self, outlet: int, off_s: float) -> None:
        """The controller's own power cycle of a port; off and on again for an outlet."""
        async with within(self._attempt):
            device = await self._device()
            feeds_by_relay = unifi.has_outlets(device)
            if not feeds_by_relay:
                if known(_states(device), outlet, self._attempt) is not OutletState.ON:
                    raise self._attempt.error(
                        f"port {outlet} does not feed: there is nothing to cycle", "switch it on"
                    )
                request = DevicePowerCyclePortRequest.create(self._mac, outlet)
                await self._ask(f"cycle port {outlet}", request)
                await verify(outlet, on=True, read=self._states, attempt=self._attempt)
        if feeds_by_relay:
            await cycle_by_switching(self, outlet, off_s)

    async def _device(self) -> dict[str, object]:
        return unifi.device_of(
            await self._ask("list devices", DeviceListRequest.create()), self._mac
        )

    async def _states(self) -> dict[int, OutletState]:
        return _states(await self._device())


def _states(device: Mapping[str, object]) -> dict[int, OutletState]:
    return {row.number: row.state for row in unifi.outlets(device).values()}


def _id(device: Mapping[str, object]) -> str:
    """The controller's identifier of a device, fit for a path."""
    text = str(device.get("_id", ""))
    if not text.isascii() or not text.isalnum():
        raise refusal(f"the controller calls the device {shown(text)}", "look at the controller")
    return text

"""Driver ``apc``: rack PDUs of APC by SNMP (v1, v2c, v3).

A unit's own reboot command may leave an outlet off that was off (PowerMan's apcpdu3.dev), and keeps
its own time: a cycle is an off and an on, each verified.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from picluster.cluster.model import Pdu
from picluster.errors import PiclusterError, refusal
from picluster.harvest.live.access import Secrets, SwitchAccess
from picluster.harvest.live.attempt import Attempt
from picluster.harvest.live.snmp_walk import Agent
from picluster.power.dialects.apc import TABLES, OutletTable
from picluster.power.driver import DeadPduError, PowerSession, cycle_by_switching
from picluster.power.drivers.context import (
    Surroundings,
    address_of,
    attempt_at,
    community_of,
    snmp_secrets,
    within,
)
from picluster.power.drivers.verify import verify
from picluster.power.model import OutletState

_PORT = 161


@asynccontextmanager
async def session(pdu: Pdu, around: Surroundings) -> AsyncIterator[PowerSession]:
    """A session: SNMP has none, only an engine."""
    host, port = address_of(pdu, around), pdu.port or _PORT
    secrets = _secrets(pdu, around)
    attempt = attempt_at(pdu, f"{host}:{port}/udp")
    access = SwitchAccess(
        pdu.name, host, snmp_port=port, limit_s=attempt.limit_s, snmp_v1=pdu.snmp_version == "v1"
    )
    with Agent(access, secrets, attempt) as agent:
        yield _Session(agent, attempt, pdu.snmp_table)


def _secrets(pdu: Pdu, around: Surroundings) -> Secrets:
    secrets = snmp_secrets(around)
    if pdu.snmp_version == "v3" or (pdu.snmp_version is None and secrets.snmp_user):
        user = pdu.username or secrets.snmp_user
        if not user:
            raise refusal(
                "no SNMPv3 user",
                "describe its username or set PICLUSTER_SNMP_USER",
                file=pdu.name,
            )
        return replace(secrets, snmp_user=user)
    community = community_of(pdu, around)
    if community is None:
        raise refusal(
            "no SNMP write community",
            "set PICLUSTER_PDU_COMMUNITY or PICLUSTER_PDU_COMMUNITY_FILE, or PICLUSTER_SNMP_USER",
            file=pdu.name,
        )
    return replace(secrets, snmp_user=None, snmp_community=community)


class _Session:
    """See :class:`~picluster.power.driver.PowerSession`."""

    def __init__(self, agent: Agent, attempt: Attempt, table: str) -> None:
        self._agent = agent
        self._attempt = attempt
        self._tables = [t for t in TABLES if table in ("auto", t.name)]

    async def status(self, outlets: Collection[int]) -> Mapping[int, OutletState]:
        """The outlets asked for, object by object."""
        async with within(self._attempt):
            return {outlet: await self._state(outlet) for outlet in outlets}

    async def switch(self, outlet: int, *, on: bool) -> None:
        """Command it, then read until it shows."""
        async with within(self._attempt):
            table = await self._table(outlet)
            self._attempt.at(f"switch outlet {outlet} {'on' if on else 'off'}")
            try:
                await self._agent.put((*table.command, outlet), table.on if on else table.off)
            except PiclusterError as error:
                raise self._of_one(error) from None

            async def read() -> Mapping[int, OutletState]:
                return {outlet: await self._state(outlet)}

            await verify(outlet, on=on, read=read, attempt=self._attempt)

    async def cycle(self, outlet: int, off_s: float) -> None:
        """Off, verified; on, verified."""
        await cycle_by_switching(self, outlet, off_s)

    async def _state(self, outlet: int) -> OutletState:
        table = await self._table(outlet)
        return table.read(await self._get(table, outlet))

    async def _table(self, outlet: int) -> OutletTable:
        """The table the unit has, found once by asking for an outlet."""
        if len(self._tables) == 1:
            if await self._get(self._tables[0], outlet) is not None:
                return self._tables[0]
        else:
            for table in self._tables:
                if await self._get(table, outlet) is not None:
                    self._tables = [table]
                    return table
        names = ", ".join(table.name for table in self._tables)
        raise self._attempt.error(
            f"it has no outlet {outlet} (asked for in: {names})",
            "correct the description; or let the SNMP user see and write 1.3.6.1.4.1.318",
        )

    async def _get(self, table: OutletTable, outlet: int) -> int | bytes | None:
        self._attempt.at(f"read outlet {outlet} ({table.name})")
        try:
            return await self._agent.get((*table.state, outlet))
        except PiclusterError as error:
            raise DeadPduError(error.problems) from None

    def _of_one(self, error: PiclusterError) -> PiclusterError:
        """A refused write is about this outlet; no answer is about the unit."""
        what = error.problems[0].what
        if "no answer" in what:
            return DeadPduError(error.problems)
        return error

"""Forwarding databases read from switches by SNMP.

Q-BRIDGE-MIB (RFC 4363) is asked first, BRIDGE-MIB (RFC 4188) where it is empty; ports get the
names IF-MIB (RFC 2863) gives their interfaces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from picluster.errors import refusal
from picluster.harvest.live.access import Progress, Secrets, SwitchAccess
from picluster.harvest.live.attempt import Attempt
from picluster.harvest.live.bridge_mib import Tables, facts_of_tables
from picluster.harvest.live.snmp_walk import Agent, Walk
from picluster.harvest.observation import Fact

DOT1D_BASE_PORT_IF_INDEX = (1, 3, 6, 1, 2, 1, 17, 1, 4, 1, 2)
DOT1D_TP_FDB_PORT = (1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 2)
DOT1D_TP_FDB_STATUS = (1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 3)
DOT1Q_TP_FDB_PORT = (1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 2)
DOT1Q_TP_FDB_STATUS = (1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 3)
DOT1Q_VLAN_FDB_ID = (1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 2, 1, 3)
IF_NAME = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)


def observe_switch(
    access: SwitchAccess, secrets: Secrets, progress: Progress | None = None
) -> Iterator[Fact]:
    """Yield what a switch's forwarding database says, each fact under the switch's name.

    The port is the interface's name, or the bridge port number where the switch does not tell.
    Entries that are no stations (the switch itself, static or aged ones) come as remarks.

    Args:
        access: the switch.
        secrets: an SNMPv2c community or an SNMPv3 user.
        progress: told about each table.

    Raises:
        PiclusterError: no answer, refused credentials, a broken answer, a table without end, or
            the time limit; one message says which.
    """
    where = f"{access.address}:{access.snmp_port}/udp"
    attempt = Attempt(f"snmp:{access.name}", where, access.limit_s, progress)
    if not (secrets.snmp_user or secrets.snmp_community):
        raise refusal(
            "no SNMP community or user",
            "set PICLUSTER_SNMP_COMMUNITY, PICLUSTER_SNMP_COMMUNITY_FILE or PICLUSTER_SNMP_USER",
            file=attempt.source,
        )
    contexts = asyncio.run(_read_all(access, secrets, attempt))
    if not any(tables.ports for tables in contexts):
        raise attempt.error(
            "it shows no forwarding database",
            "let the SNMP user see 1.3.6.1.2.1.17; an old Cisco wants snmp_contexts described",
        )
    for tables in contexts:
        yield from facts_of_tables(tables, attempt.source, access.name)


async def _read_all(access: SwitchAccess, secrets: Secrets, attempt: Attempt) -> list[Tables]:
    try:
        async with asyncio.timeout(access.limit_s):
            with Agent(access, secrets, attempt) as agent:
                return [
                    await _read(agent, vlan, attempt) for vlan in access.snmp_contexts or (None,)
                ]
    except TimeoutError:
        raise attempt.error(
            f"no complete answer within {access.limit_s:g} s",
            "check the switch's load, or give it a longer --timeout",
        ) from None


async def _read(agent: Agent, vlan: int | None, attempt: Attempt) -> Tables:
    async def table(name: str, oid: tuple[int, ...]) -> Walk:
        attempt.at(f"walk {name}" + ("" if vlan is None else f" of VLAN {vlan}"))
        return await agent.walk(oid, vlan)

    if_index = await table("dot1dBasePortIfIndex", DOT1D_BASE_PORT_IF_INDEX)
    names = await table("ifName", IF_NAME)
    ports = await table("dot1qTpFdbPort", DOT1Q_TP_FDB_PORT)
    if ports:
        status = await table("dot1qTpFdbStatus", DOT1Q_TP_FDB_STATUS)
        vlans = await table("dot1qVlanFdbId", DOT1Q_VLAN_FDB_ID)
        return Tables(if_index, names, ports, status, vlans, q_bridge=True, vlan=vlan)
    ports = await table("dot1dTpFdbPort", DOT1D_TP_FDB_PORT)
    status = await table("dot1dTpFdbStatus", DOT1D_TP_FDB_STATUS)
    return Tables(if_index, names, ports, status, {}, q_bridge=False, vlan=vlan)

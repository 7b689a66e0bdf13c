"""An SNMP engine that listens, for simulated agents."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine


@dataclass(frozen=True, slots=True)
class V3User:
    """An SNMPv3 user with SHA-256 and AES-128.

    Attributes:
        name: user name.
        auth: authentication password, 8 characters at the least.
        priv: privacy password.
    """

    name: str
    auth: str
    priv: str


async def start_engine(address: str, port: int, user: V3User | None) -> tuple[Any, int]:
    """Listen on a UDP port.

    Args:
        address: address to listen on.
        port: UDP port, 0 for an ephemeral one.
        user: SNMPv3 user, if any.

    Returns:
        The engine and its port.
    """
    agent = engine.SnmpEngine()
    transport = udp.UdpAsyncioTransport().open_server_mode((address, port))
    config.add_transport(agent, (*udp.DOMAIN_NAME, 1), transport)
    # The transport binds in a task of its own.
    while getattr(transport, "transport", None) is None:
        await asyncio.sleep(0.005)
    if user is not None:
        config.add_v3_user(
            agent,
            user.name,
            config.USM_AUTH_HMAC192_SHA256,
            user.auth,
            config.USM_PRIV_CFB128_AES,
            user.priv,
        )
    return agent, transport.transport.get_extra_info("sockname")[1]


async def start_silence(address: str, port: int) -> tuple[asyncio.DatagramTransport, int]:
    """Take a UDP port and never answer.

    Returns:
        The transport and its port.
    """
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=(address, port)
    )
    return transport, transport.get_extra_info("sockname")[1]

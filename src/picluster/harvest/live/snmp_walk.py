"""Bounded walks over the tables of one SNMP agent."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch import asyncio as hlapi
from pysnmp.proto.rfc1902 import Integer, OctetString
from pysnmp.proto.rfc1905 import EndOfMibView

from picluster.errors import PiclusterError, shown
from picluster.harvest.live.access import AuthProtocol, PrivProtocol, Secrets, SwitchAccess
from picluster.harvest.live.attempt import Attempt

#: Index below the walked column → value.
Walk = dict[tuple[int, ...], int | bytes]

#: The largest switches hold 128 Ki addresses.
MAX_ROWS = 200_000
_TIMEOUT_S = 2.0
_RETRIES = 2
_REPETITIONS = 25

_AUTH = {
    AuthProtocol.MD5: hlapi.USM_AUTH_HMAC96_MD5,
    AuthProtocol.SHA: hlapi.USM_AUTH_HMAC96_SHA,
    AuthProtocol.SHA224: hlapi.USM_AUTH_HMAC128_SHA224,
    AuthProtocol.SHA256: hlapi.USM_AUTH_HMAC192_SHA256,
    AuthProtocol.SHA384: hlapi.USM_AUTH_HMAC256_SHA384,
    AuthProtocol.SHA512: hlapi.USM_AUTH_HMAC384_SHA512,
}
_PRIV = {
    PrivProtocol.DES: hlapi.USM_PRIV_CBC56_DES,
    PrivProtocol.AES: hlapi.USM_PRIV_CFB128_AES,
    PrivProtocol.AES192: hlapi.USM_PRIV_CFB192_AES,
    PrivProtocol.AES256: hlapi.USM_PRIV_CFB256_AES,
}


class Agent:
    """An SNMP agent; use as a context manager inside a running event loop."""

    def __init__(self, access: SwitchAccess, secrets: Secrets, attempt: Attempt) -> None:
        """Prepare; nothing is sent before the first walk."""
        self._access = access
        self._secrets = secrets
        self._attempt = attempt
        self._engine = hlapi.SnmpEngine()
        self._target: Any = None

    def __enter__(self) -> Agent:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engine.close_dispatcher()

    async def walk(self, column: tuple[int, ...], vlan: int | None = None) -> Walk:
        """Read one column.

        Args:
            column: its object identifier.
            vlan: VLAN to ask for, see :class:`SwitchAccess`; ``None`` asks for all.

        Returns:
            Its rows in the agent's order; empty when the agent does not have it.

        Raises:
            PiclusterError: no answer, refused, broken, or more than :data:`MAX_ROWS` rows.
        """
        rows: Walk = {}
        try:
            await self._walk(column, vlan, rows)
        except (PySnmpError, OSError, ValueError) as error:
            if isinstance(error, PiclusterError):
                raise
            raise self._attempt.error(
                f"broken answer: {shown(str(error))}", "check the agent by hand with snmpwalk"
            ) from None
        return rows

    async def _walk(self, column: tuple[int, ...], vlan: int | None, rows: Walk) -> None:
        credentials, context = self._credentials(vlan), self._context(vlan)
        last = column
        while True:
            indication, status, _, bindings = await hlapi.bulk_cmd(
                self._engine,
                credentials,
                await self._transport(),
                context,
                0,
                _REPETITIONS,
                hlapi.ObjectType(hlapi.ObjectIdentity(last)),
                lookupMib=False,
            )
            if indication:
                raise self._refused(str(indication))
            if status:
                raise self._refused(f"error {status.prettyPrint()}")
            for name, value in bindings:
                oid = tuple(name)
                if isinstance(value, EndOfMibView):
                    return
                if oid <= last:
                    raise self._refused("error rows out of order")
                if oid[: len(column)] != column:
                    return
                last = oid
                rows[oid[len(column) :]] = _plain(value)
                if len(rows) > MAX_ROWS:
                    raise self._refused(f"error more than {MAX_ROWS} rows")
            if not bindings:
                return

    async def _transport(self) -> Any:
        if self._target is None:
            self._target = await hlapi.UdpTransportTarget.create(
                (self._access.address, self._access.snmp_port),
                timeout=_TIMEOUT_S,
                retries=_RETRIES,
            )
        return self._target

    def _credentials(self, vlan: int | None) -> Any:
        secrets = self._secrets
        if secrets.snmp_user:
            return hlapi.UsmUserData(
                secrets.snmp_user,
                authKey=secrets.snmp_auth,
                privKey=secrets.snmp_priv,
                authProtocol=_AUTH[secrets.snmp_auth_protocol] if secrets.snmp_auth else None,
                privProtocol=_PRIV[secrets.snmp_priv_protocol] if secrets.snmp_priv else None,
            )
        suffix = "" if vlan is None else f"@{vlan}"
        return hlapi.CommunityData(f"{secrets.snmp_community}{suffix}", mpModel=1)  # noqa: S508 - all many switches speak

    def _context(self, vlan: int | None) -> Any:
        named = self._secrets.snmp_user and vlan is not None
        return hlapi.ContextData(contextName=f"vlan-{vlan}".encode() if named else b"")

    def _refused(self, indication: str) -> PiclusterError:
        if indication.startswith("No SNMP response"):
            what = "no answer"
            remedy = "check its address and that SNMP is on"
            if not self._secrets.snmp_user:
                remedy += "; a wrong community is not answered either"
            return self._attempt.error(what, remedy)
        if indication.startswith("error "):
            return self._attempt.error(
                f"broken answer: {shown(indication[6:])}", "check the agent by hand with snmpwalk"
            )
        return self._attempt.error(
            f"refused: {shown(indication)}", "check SNMP user, passwords and protocols"
        )


def _plain(value: Any) -> int | bytes:
    if isinstance(value, Integer):
        return int(value)
    if isinstance(value, OctetString):
        return bytes(value)
    return bytes(str(value), "ascii", "replace")

"""Bounded walks over the tables of one SNMP agent, and single objects of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from pyasn1.type.univ import Integer, OctetString  # type: ignore[import-untyped]
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch import asyncio as hlapi
from pysnmp.proto.rfc1902 import Integer32
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

from picluster.errors import PiclusterError, shown
from picluster.harvest.live.access import AuthProtocol, PrivProtocol, Secrets, SwitchAccess
from picluster.harvest.live.attempt import Attempt

#: Index below the walked column → value.
Walk = dict[tuple[int, ...], int | bytes]

#: The largest switches hold 128 Ki addresses.
MAX_ROWS = 200_000
_NO_SUCH_NAME = 2
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
        with self._one_voice("snmpwalk"):
            await self._walk(column, vlan, rows)
        return rows

    async def get(self, oid: tuple[int, ...]) -> int | bytes | None:
        """Read one object.

        Returns:
            Its value, or ``None`` when the agent does not have it.

        Raises:
            PiclusterError: no answer, refused or broken.
        """
        with self._one_voice("snmpget"):
            return await self._single(hlapi.get_cmd, oid, None)

    async def put(self, oid: tuple[int, ...], value: int) -> None:
        """Write an integer.

        Raises:
            PiclusterError: no answer, refused or broken; the agent does not have the object.
        """
        with self._one_voice("snmpset"):
            if await self._single(hlapi.set_cmd, oid, Integer32(value)) is None:
                raise self._refused("noSuchInstance")

    async def _single(self, command: Any, oid: tuple[int, ...], value: Any) -> int | bytes | None:
        identity = hlapi.ObjectIdentity(oid)
        indication, status, _, bindings = await command(
            self._engine,
            self._credentials(None),
            await self._transport(),
            self._context(None),
            hlapi.ObjectType(identity) if value is None else hlapi.ObjectType(identity, value),
            lookupMib=False,
        )
        if indication:
            raise self._refused(str(indication))
        if int(status) == _NO_SUCH_NAME:  # SNMPv1 has no other way to say it
            return None
        if status:
            raise self._refused(str(status.prettyPrint()))
        if len(bindings) != 1 or tuple(bindings[0][0]) != oid:
            raise self._refused("error another object than the one asked for")
        answer = bindings[0][1]
        if isinstance(answer, NoSuchInstance | NoSuchObject | EndOfMibView):
            return None
        return _plain(answer)

    @contextmanager
    def _one_voice(self, by_hand: str) -> Iterator[None]:
        try:
            yield
        except (PySnmpError, OSError, ValueError) as error:
            if isinstance(error, PiclusterError):
                raise
            raise self._attempt.error(
                f"broken answer: {shown(str(error))}", f"check the agent by hand with {by_hand}"
            ) from None

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
        return hlapi.CommunityData(
            f"{secrets.snmp_community}{suffix}", mpModel=0 if self._access.snmp_v1 else 1
        )

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

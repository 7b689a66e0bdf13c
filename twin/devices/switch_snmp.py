"""A switch's SNMP agent: BRIDGE-MIB, Q-BRIDGE-MIB and ifName over a forwarding database."""

from __future__ import annotations

import bisect
import time
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from pysnmp.entity import config
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto.rfc1902 import Integer, ObjectName, OctetString
from pysnmp.proto.rfc1905 import endOfMibView, noSuchObject
from pysnmp.smi.instrum import AbstractMibInstrumController

from twin.devices.fdb import Fdb
from twin.devices.server import LoopServer
from twin.devices.snmp_engine import V3User, start_engine, start_silence

Oid = tuple[int, ...]

_MIB2 = (1, 3, 6, 1, 2, 1)
_BRIDGE = (*_MIB2, 17)


class Mode(StrEnum):
    """How it behaves."""

    WELL = "well"
    SILENT = "silent"  # never answers
    LOOP = "loop"  # gives rows that never end and never advance


class SwitchSnmp(LoopServer):
    """The SNMP side of a simulated switch: ports are ifIndex 100 + n, named ``0/n``."""

    def __init__(  # noqa: PLR0913 - each is one property of the switch
        self,
        fdb: Fdb,
        *,
        mode: Mode = Mode.WELL,
        community: str = "public",
        user: V3User | None = None,
        q_bridge: bool = True,
        names: Mapping[int, str] | None = None,
        fdb_of_vlan: Mapping[int, int] | None = None,
        contexts: Collection[int] = (),
        address: str = "127.0.0.1",
        port: int = 0,
        lifetime_s: float = 600.0,
    ) -> None:
        """Make an agent.

        Args:
            fdb: gives its forwarding database.
            mode: how it behaves.
            community: SNMPv2c community.
            user: SNMPv3 user, if any.
            q_bridge: has Q-BRIDGE-MIB; otherwise BRIDGE-MIB only.
            names: ifName per port number; ports left out have none.
            fdb_of_vlan: fdb id per VLAN; the VLAN's own number unless given.
            contexts: VLANs it shows one by one only, to ``community@VLAN`` and in the SNMPv3
                context ``vlan-VLAN``, as an old Cisco does.
            address: address to listen on.
            port: UDP port, 0 for an ephemeral one.
            lifetime_s: seconds after which it stops by itself.
        """
        super().__init__(address=address, port=port, lifetime_s=lifetime_s)
        self.mode = mode
        self._fdb = fdb
        self._community = community
        self._user = user
        self._q_bridge = q_bridge
        self._names = names
        self._fdb_of_vlan = fdb_of_vlan
        self._contexts = contexts
        self._engine: Any = None

    async def _open(self) -> None:
        if self.mode is Mode.SILENT:
            self._engine, self.port = await start_silence(self.address, self.port)
            return
        self._engine, self.port = await start_engine(self.address, self.port, self._user)
        mib = context.SnmpContext(self._engine)
        mib.unregister_context_name(b"")
        for vlan in self._contexts or (None,):
            self._show(mib, vlan)
        cmdrsp.GetCommandResponder(self._engine, mib)
        cmdrsp.NextCommandResponder(self._engine, mib)
        cmdrsp.BulkCommandResponder(self._engine, mib)

    def _show(self, mib: Any, vlan: int | None) -> None:
        """Show all VLANs or one, to the community and to the user."""
        name = b"" if vlan is None else f"vlan-{vlan}".encode()
        area = f"area{vlan or ''}"
        community = self._community if vlan is None else f"{self._community}@{vlan}"
        config.add_v1_system(self._engine, area, community, contextName=name, securityName=area)
        config.add_vacm_user(self._engine, 2, area, "noAuthNoPriv", _MIB2, contextName=name)
        if self._user is not None:
            user = self._user.name
            config.add_vacm_user(self._engine, 3, user, "authPriv", _MIB2, contextName=name)
        mib.register_context_name(name, _Tree(self, vlan))

    async def _close(self) -> None:
        if self.mode is Mode.SILENT:
            self._engine.close()
        else:
            self._engine.close_dispatcher()

    def rows(self, vlan: int | None = None) -> dict[Oid, Any]:
        """Every object it has now, of one VLAN where one is named."""
        entries = [e for e in self._fdb() if vlan in (None, e.vlan)]
        fdb_ids = self._fdb_of_vlan or {e.vlan: e.vlan for e in entries}
        rows: dict[Oid, Any] = {}
        for port in {e.port for e in entries if e.port > 0} | set(self._names or {}):
            rows[(*_BRIDGE, 1, 4, 1, 2, port)] = Integer(100 + port)
            name = f"0/{port}" if self._names is None else self._names.get(port)
            if name is not None:
                rows[(*_MIB2, 31, 1, 1, 1, 1, 100 + port)] = OctetString(name.encode())
        for e in entries:
            octets = tuple(bytes.fromhex(e.mac.replace(":", "")))
            base = (*_BRIDGE, 7, 1, 2, 2, 1) if self._q_bridge else (*_BRIDGE, 4, 3, 1)
            index = (fdb_ids[e.vlan], *octets) if self._q_bridge else octets
            rows[(*base, 2, *index)] = Integer(e.port)
            rows[(*base, 3, *index)] = Integer(e.status)
        if self._q_bridge:
            for number, fdb_id in fdb_ids.items():
                rows[(*_BRIDGE, 7, 1, 4, 2, 1, 3, 0, number)] = Integer(fdb_id)
        return rows


class _Tree(AbstractMibInstrumController):  # type: ignore[misc]
    """Answers GET and GETNEXT from the switch's rows."""

    def __init__(self, switch: SwitchSnmp, vlan: int | None) -> None:
        self._switch = switch
        self._vlan = vlan
        self._rows: dict[Oid, Any] = {}
        self._oids: list[Oid] = []
        self._until = 0.0

    def _snapshot(self) -> tuple[dict[Oid, Any], list[Oid]]:
        # A walk asks row by row: real agents keep a snapshot for moments too.
        if time.monotonic() > self._until:
            self._rows = self._switch.rows(self._vlan)
            self._oids = sorted(self._rows)
            self._until = time.monotonic() + 0.5
        return self._rows, self._oids

    def read_variables(self, *bindings: Any, **_context: Any) -> list[tuple[Any, Any]]:
        rows, _ = self._snapshot()
        return [(name, rows.get(tuple(name), noSuchObject)) for name, _ in bindings]

    def read_next_variables(self, *bindings: Any, **_context: Any) -> list[tuple[Any, Any]]:
        rows, oids = self._snapshot()
        answers = []
        for name, _ in bindings:
            place = bisect.bisect_right(oids, tuple(name))
            if self._switch.mode is Mode.LOOP:
                place = max(0, place - 2)
            if place < len(oids):
                answers.append((ObjectName(oids[place]), rows[oids[place]]))
            else:
                answers.append((name, endOfMibView))
        return answers

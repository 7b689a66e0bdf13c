"""An APC rack PDU's SNMP agent: one of the three outlet tables of PowerNet-MIB."""

from __future__ import annotations

import bisect
import time
from enum import StrEnum
from typing import Any

from pysnmp.entity import config
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto.rfc1902 import Integer32, ObjectName, OctetString
from pysnmp.proto.rfc1905 import endOfMibView, noSuchObject
from pysnmp.smi.error import NotWritableError, WrongValueError
from pysnmp.smi.instrum import AbstractMibInstrumController

from twin.devices.outlets import Outlets
from twin.devices.server import LoopServer
from twin.devices.snmp_engine import V3User, start_engine, start_silence

Oid = tuple[int, ...]

_APC = (1, 3, 6, 1, 4, 1, 318, 1, 1)
_SUBTREE = (1, 3, 6, 1, 4, 1, 318)


class Mode(StrEnum):
    """How it behaves."""

    WELL = "well"
    SILENT = "silent"  # never answers
    SLOW = "slow"  # answers late
    READ_ONLY = "read-only"  # refuses every write
    ODD_STATE = "odd-state"  # shows a state the MIB does not have


class Generation(StrEnum):
    """Which table it has."""

    RPDU2 = "rpdu2"
    RPDU = "rpdu"
    MASTERSWITCH = "masterswitch"


#: (column of states, column of commands, column of names, value read when off, when on)
_COLUMNS: dict[Generation, tuple[Oid, Oid, Oid, int, int]] = {
    Generation.RPDU2: (
        (*_APC, 26, 9, 2, 3, 1, 5), (*_APC, 26, 9, 2, 4, 1, 5), (*_APC, 26, 9, 2, 3, 1, 3), 1, 2
    ),
    Generation.RPDU: (
        (*_APC, 12, 3, 5, 1, 1, 4), (*_APC, 12, 3, 3, 1, 1, 4), (*_APC, 12, 3, 5, 1, 1, 2), 2, 1
    ),
    Generation.MASTERSWITCH: (
        (*_APC, 4, 4, 2, 1, 3), (*_APC, 4, 4, 2, 1, 3), (*_APC, 4, 4, 2, 1, 4), 2, 1
    ),
}  # fmt: skip
_ON, _OFF, _REBOOT = 1, 2, 3
_LATE_S = 0.7


class ApcPdu(LoopServer):
    """The SNMP side of a rack PDU.

    Attributes:
        mode: how it behaves; may be changed while it runs.
        outlets: its outlets.
    """

    def __init__(  # noqa: PLR0913 - each is one property of the PDU
        self,
        outlets: Outlets | None = None,
        *,
        generation: Generation = Generation.RPDU,
        mode: Mode = Mode.WELL,
        community: str = "private",
        user: V3User | None = None,
        reboot_s: float = 5.0,
        address: str = "127.0.0.1",
        port: int = 0,
        lifetime_s: float = 600.0,
    ) -> None:
        """Make an agent.

        Args:
            outlets: its outlets; eight that are off unless given.
            generation: which table it has.
            mode: how it behaves.
            community: community that may read and write, SNMPv1 and v2c.
            user: SNMPv3 user, if any.
            reboot_s: seconds its own reboot keeps an outlet off.
            address: address to listen on.
            port: UDP port, 0 for an ephemeral one.
            lifetime_s: seconds after which it stops by itself.
        """
        super().__init__(address=address, port=port, lifetime_s=lifetime_s)
        self.mode = mode
        self.outlets = outlets if outlets is not None else Outlets(8)
        self._columns = _COLUMNS[generation]
        self._community = community
        self._user = user
        self._reboot_s = reboot_s
        self._engine: Any = None

    async def _open(self) -> None:
        if self.mode is Mode.SILENT:
            self._engine, self.port = await start_silence(self.address, self.port)
            return
        self._engine, self.port = await start_engine(self.address, self.port, self._user)
        config.add_v1_system(self._engine, "writers", self._community)
        for model in (1, 2):
            config.add_vacm_user(self._engine, model, "writers", "noAuthNoPriv", _SUBTREE, _SUBTREE)
        if self._user is not None:
            config.add_vacm_user(self._engine, 3, self._user.name, "authPriv", _SUBTREE, _SUBTREE)
        mib = context.SnmpContext(self._engine)
        mib.unregister_context_name(b"")
        mib.register_context_name(b"", _Tree(self))
        cmdrsp.GetCommandResponder(self._engine, mib)
        cmdrsp.NextCommandResponder(self._engine, mib)
        cmdrsp.BulkCommandResponder(self._engine, mib)
        cmdrsp.SetCommandResponder(self._engine, mib)

    async def _close(self) -> None:
        if self.mode is Mode.SILENT and hasattr(self._engine, "close"):
            self._engine.close()
        else:
            self._engine.close_dispatcher()
        self.outlets.stop()

    def rows(self) -> dict[Oid, Any]:
        """Every object it has now."""
        states, _, names, off, on = self._columns
        rows: dict[Oid, Any] = {}
        for number, is_on in self.outlets.states.items():
            state = on if is_on else off
            rows[(*states, number)] = Integer32(9 if self.mode is Mode.ODD_STATE else state)
            rows[(*names, number)] = OctetString(self.outlets.name(number).encode())
        return rows

    def command(self, oid: Oid, value: int) -> bool:
        """Take a command.

        Returns:
            Whether there is such an object.

        Raises:
            ValueError: no such command.
        """
        _, column, *_ = self._columns
        if oid[:-1] != column or oid[-1] not in self.outlets:
            return False
        if value not in (_ON, _OFF, _REBOOT):
            raise ValueError(value)
        if value != _REBOOT:
            self.outlets.set(oid[-1], value == _ON)
        elif self.outlets.on(oid[-1]):  # what is off stays off
            self.outlets.reboot(oid[-1], self._reboot_s)
        return True


class _Tree(AbstractMibInstrumController):  # type: ignore[misc]
    """Answers GET, GETNEXT and SET from the PDU's rows."""

    def __init__(self, pdu: ApcPdu) -> None:
        self._pdu = pdu

    def _late(self) -> None:
        # The agent has a thread of its own: nobody else waits for it.
        if self._pdu.mode is Mode.SLOW:
            time.sleep(_LATE_S)

    def read_variables(self, *bindings: Any, **_context: Any) -> list[tuple[Any, Any]]:
        self._late()
        rows = self._pdu.rows()
        return [(name, rows.get(tuple(name), noSuchObject)) for name, _ in bindings]

    def read_next_variables(self, *bindings: Any, **_context: Any) -> list[tuple[Any, Any]]:
        rows = self._pdu.rows()
        oids = sorted(rows)
        answers = []
        for name, _ in bindings:
            place = bisect.bisect_right(oids, tuple(name))
            if place < len(oids):
                answers.append((ObjectName(oids[place]), rows[oids[place]]))
            else:
                answers.append((name, endOfMibView))
        return answers

    def write_variables(self, *bindings: Any, **_context: Any) -> list[tuple[Any, Any]]:
        self._late()
        for index, (name, value) in enumerate(bindings):
            if self._pdu.mode is Mode.READ_ONLY:
                raise NotWritableError(name=name, idx=index)
            try:
                known = self._pdu.command(tuple(name), int(value))
            except ValueError:
                raise WrongValueError(name=name, idx=index) from None
            if not known:
                raise NotWritableError(name=name, idx=index)
        return list(bindings)

"""APC rack PDUs (PowerNet-MIB): object identifiers and what their values mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from picluster.power.dialects.table import OutletRow, Table, no_table, state_of, table_of
from picluster.power.model import OutletState

Oid = tuple[int, ...]

_APC = (1, 3, 6, 1, 4, 1, 318, 1, 1)


@dataclass(frozen=True, slots=True)
class OutletTable:
    """Where one generation of units shows and takes the state of an outlet.

    Attributes:
        name: its name in a description.
        state: column that reads the state; the outlet's number follows.
        states: value read → state.
        command: column that takes a command; the outlet's number follows.
        on: command to switch on at once.
        off: command to switch off at once.
    """

    name: str
    state: Oid
    states: Mapping[int, OutletState]
    command: Oid
    on: int
    off: int

    def read(self, value: object) -> OutletState:
        """The state a value means; ``unknown`` for one the MIB does not have."""
        return (
            self.states.get(value, OutletState.UNKNOWN)
            if isinstance(value, int)
            else (OutletState.UNKNOWN)
        )


_ON_OFF = {1: OutletState.ON, 2: OutletState.OFF}

#: rPDU2OutletSwitchedStatusState and …ControlCommand: AP8xxx with newer firmware.
RPDU2 = OutletTable(
    "rpdu2", (*_APC, 26, 9, 2, 3, 1, 5), {1: OutletState.OFF, 2: OutletState.ON},
    (*_APC, 26, 9, 2, 4, 1, 5), 1, 2,
)  # fmt: skip
#: rPDUOutletStatusOutletState and rPDUOutletControlOutletCommand: AP79xx, AP89xx.
RPDU = OutletTable("rpdu", (*_APC, 12, 3, 5, 1, 1, 4), _ON_OFF, (*_APC, 12, 3, 3, 1, 1, 4), 1, 2)
#: sPDUOutletCtl: MasterSwitch, one column for both.
MASTERSWITCH = OutletTable(
    "masterswitch", (*_APC, 4, 4, 2, 1, 3), _ON_OFF, (*_APC, 4, 4, 2, 1, 3), 1, 2
)

#: The newest first: a unit that has a newer table may show an older one that does nothing.
TABLES = (RPDU2, RPDU, MASTERSWITCH)

#: Names of outlets, by table.
OUTLET_NAMES: Mapping[str, Oid] = {"rpdu": (*_APC, 12, 3, 5, 1, 1, 2)}


def master_state(text: str) -> Table:
    """Read sPDUMasterState: one word for each outlet, ``On On Off …``.

    Raises:
        PiclusterError: no word in it.
    """
    words = text.split()
    if not words or any(state_of(word) is OutletState.UNKNOWN for word in words):
        raise no_table("sPDUMasterState", text)
    rows = (OutletRow(n, state_of(word)) for n, word in enumerate(words, 1))
    return table_of(rows, "sPDUMasterState")


# "   1- Outlet 1                 ON" of the menus, " 1: Outlet 1: On" of the newer command line.
_MENU = re.compile(
    r"^[ \t]*(?P<number>[0-9]{1,3})[-:][ \t]+(?P<name>[^\r\n]{1,64}?)"
    r"[ \t:]+(?P<state>on|off)\*?[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)


def menu(text: str) -> Table:
    """Read the outlet menu or ``olStatus`` of a terminal session; an empty table for none.

    No driver asks so: it is for people who look at captured sessions.

    Raises:
        PiclusterError: an outlet twice.
    """
    rows = [
        OutletRow(int(m["number"]), state_of(m["state"]), m["name"].strip())
        for m in _MENU.finditer(text.replace("\r\n", "\n").replace("\r", "\n"))
    ]
    return table_of(rows, "the outlet menu") if rows else {}

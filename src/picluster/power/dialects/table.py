"""What a dialect reads out of a device's answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from picluster.errors import PiclusterError, refusal, shown
from picluster.power.model import OutletState

#: More outlets than any device has.
MAX_OUTLETS = 1024

_WORDS = {"on": OutletState.ON, "1": OutletState.ON, "off": OutletState.OFF, "0": OutletState.OFF}


@dataclass(frozen=True, slots=True)
class OutletRow:
    """One outlet as a device shows it.

    Attributes:
        number: its number as the device counts, from 1.
        state: its state; ``unknown`` for a word that is neither on nor off.
        name: the name the device gives it; may be empty, and hold anything printable.
    """

    number: int
    state: OutletState
    name: str = ""


Table = dict[int, OutletRow]


def state_of(word: str) -> OutletState:
    """``ON``, ``off``, ``1``, ``0`` in any case; ``unknown`` for anything else."""
    return _WORDS.get(word.strip().lower(), OutletState.UNKNOWN)


def table_of(rows: Iterable[OutletRow], what: str) -> Table:
    """Put rows into a table.

    Args:
        rows: at least one.
        what: what was read, for messages.

    Raises:
        PiclusterError: no row, an outlet twice, or a number no device has: such an answer is
            broken or forged, and nothing of it can be relied on.
    """
    table: Table = {}
    for row in rows:
        if row.number in table:
            raise refusal(f"{what} has outlet {row.number} twice", "look at it by hand")
        if not 1 <= row.number <= MAX_OUTLETS:
            raise refusal(f"{what} has an outlet {row.number}", "look at it by hand")
        table[row.number] = row
    if not table:
        raise refusal(f"no outlet in {what}", "check that the driver fits the device")
    return table


def no_table(what: str, text: str) -> PiclusterError:
    """The error for an answer that is none; shows where it begins."""
    start = " ".join(text.split())[:60]
    return refusal(f"no outlet in {what}: {shown(start)}", "check that the driver fits the device")

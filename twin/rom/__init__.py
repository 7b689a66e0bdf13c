"""The boot ROM of the Raspberry Pi 3B and 3B+, simulated over raw sockets.

One process plays up to a thousand boards on one interface::

    from twin.rom import Rom, Storm

    with Storm("rack0", [Rom("b8:27:eb:00:00:01"), Rom("b8:27:eb:00:00:02")]) as storm:
        result = storm.run(deadline_s=120)
    print(result.complete, result.shared_addresses)
"""

from __future__ import annotations

from twin.rom.config_txt import Board
from twin.rom.machine import Rom
from twin.rom.quirk import Quirk
from twin.rom.result import Event, GotFile, RomResult, SeenOffer, StormResult
from twin.rom.sequence import Stage
from twin.rom.storm import Storm
from twin.rom.timing import Timing

__all__ = [
    "Board",
    "Event",
    "GotFile",
    "Quirk",
    "Rom",
    "RomResult",
    "SeenOffer",
    "Stage",
    "Storm",
    "StormResult",
    "Timing",
]

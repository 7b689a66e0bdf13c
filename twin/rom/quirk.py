"""What is wrong with a boot ROM, or with the wire to it, in one boot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirk:
    """Faults of one boot; several may come together.

    Attributes:
        link_s: the link carries nothing before so many seconds of the board's clock, as a port
            that spanning tree blocks.
        lost_discovers: that many DISCOVERs, the first ones, get lost on the way.
        deaf: it takes no OFFER.
        credulous: its bootcode.bin takes no OFFER but one for another board, as one that hears
            those of its neighbours and does not look whom they are for.
        address: the address it uses from bootcode.bin on, whatever it is offered; dotted quad.
        stalls_at: name of a file in whose transfer it falls silent.
        repeats: name of a file it asks for again and again once it has it.
    """

    link_s: float = 0.0
    lost_discovers: int = 0
    deaf: bool = False
    credulous: bool = False
    address: str = ""
    stalls_at: str = ""
    repeats: str = ""


#: Nothing is wrong.
SOUND = Quirk()
#: How often a board asks for the same file again, and how many seconds apart.
REPEATS, REPEAT_S = 12, 4.0

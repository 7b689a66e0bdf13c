"""A bank in a campaign: where it stands, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where a bank stands."""

    WAITING = "waiting"  # for its turn
    ASKED = "asked"  # its PDU was asked whether it has power
    ADOPTING = "adopting"  # it has power already: its boards are listened for
    SWITCHING_ON = "switching on"
    LOADING = "loading"  # boards come up
    SWITCHING_OFF = "switching off"
    RESTING = "resting"  # off for a moment, in a cycle
    # where a campaign leaves it
    ACCEPTED = "accepted"
    SHORT = "short"  # fewer boards than the quorum
    UNPLUGGED = "unplugged"  # it has power and is silent
    NO_POWER = "no power"  # its PDU does not do what it is told
    HELD = "held back"  # by heat, by max_banks_on, by services
    SHED = "shed"  # switched off because of heat
    OFF = "switched off"  # by a shutdown

    @property
    def over(self) -> bool:
        """Whether the campaign has done with it."""
        return self in _OVER

    @property
    def powered(self) -> bool:
        """Whether it draws power, or may."""
        return self not in _DARK


_OVER = frozenset(
    {
        Phase.ACCEPTED,
        Phase.SHORT,
        Phase.UNPLUGGED,
        Phase.NO_POWER,
        Phase.HELD,
        Phase.SHED,
        Phase.OFF,
    }
)
_DARK = frozenset({Phase.WAITING, Phase.HELD, Phase.SHED, Phase.OFF, Phase.RESTING})


@dataclass(slots=True)
class BankRun:
    """The banks that share their outlets, mostly one, in a campaign.

    Times are in seconds of the campaign's clock.

    Attributes:
        bank: the lowest number of the banks; names the run.
        banks: all of them.
        phase: where it stands.
        since: since when.
        attempt: how often it got power.
        on_at: when it last got power, ``None`` before.
        asked_on: when it was last ordered to be switched on, ``None`` before.
        order: number of the power order that is under way, 0 for none.
        tries: how often that order was given.
        until: nothing is decided before.
        cycling: an order to switch off is the first half of a cycle.
        shed: an order to switch off is because of heat.
        trouble: what its PDU last failed at.
        why: what was decided last, and why.
        first_on: when it got power first.
        done_at: when the campaign was done with it.
        adopted: it had power when the campaign began.
        blind: its PDU did not say whether it had power before it was switched on.
        stuck: its PDU did not switch it off: it is left alone from now on.
        recheck: an order's end was not seen: ask before anything else.
        measured: the attempt whose outcome is in the history.
        silences: attempts in a row in which the whole bank was silent.
        excused: a service was away in this attempt: its boards are not to blame.
    """

    bank: int
    banks: tuple[int, ...]
    phase: Phase = Phase.WAITING
    since: float = 0.0
    attempt: int = 0
    on_at: float | None = None
    asked_on: float | None = None
    order: int = 0
    tries: int = 0
    until: float = 0.0
    cycling: bool = False
    shed: bool = False
    trouble: str = ""
    why: str = ""
    first_on: float | None = None
    done_at: float | None = None
    adopted: bool = False
    blind: bool = False
    stuck: bool = False
    recheck: bool = False
    measured: int = 0
    silences: int = 0
    excused: bool = False

    @property
    def title(self) -> str:
        """For people: ``bank 11``, or ``banks 11, 12``."""
        listed = ", ".join(map(str, self.banks))
        return f"bank{'s' if len(self.banks) > 1 else ''} {listed}"


@dataclass(slots=True)
class BoardRun:
    """A board's own power in a campaign, where it has an outlet of its own.

    Attributes:
        attempts: how often it was cycled alone.
        order: number of the power order that is under way, 0 for none.
        trouble: what its PDU last failed at.
    """

    attempts: int = 0
    order: int = 0
    trouble: str = ""

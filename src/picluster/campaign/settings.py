"""The knobs of a campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from picluster.errors import refusal, shown

_COUNTS = ("batch_size", "max_attempts", "quarantine_after", "power_tries", "shed_boards")
_WHOLE = (*_COUNTS, "max_banks_on")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a board may stay at a stage without getting on, in seconds.

    Attributes:
        powered: from power to the first DISCOVER. A 3B+ asks between 18 and 33 s (firmware #1081).
        dhcp: after the last DISCOVER; tries are 5 s apart.
        tftp: without asking for another file.
        kernel: from Linux's address to the mounted root.
        nfs: from there to the running system.
        up: from there to its ready message.
        boot: from power to ready, whatever it does meanwhile.
        heartbeat: between two messages of a ready board, which sends one each minute.
    """

    powered: float = 60.0
    dhcp: float = 25.0
    tftp: float = 90.0
    kernel: float = 90.0
    nfs: float = 150.0
    up: float = 60.0
    boot: float = 480.0
    heartbeat: float = 200.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set.

    Attributes:
        batch_size: banks that are switched on as one batch.
        quorum: part of a bank's boards that is enough, 0 to 1: 40 of 42.
        max_attempts: times a bank, or a board that has an outlet of its own, gets power.
        stagger_s: seconds between switching on two banks.
        max_banks_on: banks that may have power at a time, ``None`` for all.
        max_temp_c: temperature of a board that holds the next bank back, degrees Celsius.
        hard_temp_c: temperature that sheds its bank.
        shed_boards: boards at that temperature that shed their bank; fewer are only told.
        heat_wait_s: how long banks wait for others to cool before they are left off.
        quarantine_after: failures one after the other before a board is quarantined.
        off_s: seconds a cycled bank stays without power.
        link_mbit: rate of the boot server's link, Mbit/s.
        board_mb: what a board reads from power-on to ready, 10^6 bytes.
        load_s: the time within which banks that load together shall have read that, seconds.
        board_minutes: minutes of the campaign that one more ready board is worth.
        services_s: how long the services may take to become ready.
        power_tries: times an order is given to a PDU that does not carry it out.
        power_retry_s: seconds between them.
        settle_s: how long boards are listened for where a bank has power already: two heartbeats.
        timeouts: see :class:`Timeouts`.
    """

    batch_size: int = 1
    quorum: float = 40 / 42
    max_attempts: int = 5
    stagger_s: float = 5.0
    max_banks_on: int | None = None
    max_temp_c: float = 75.0
    hard_temp_c: float = 83.0
    shed_boards: int = 2
    heat_wait_s: float = 900.0
    quarantine_after: int = 3
    off_s: float = 10.0
    link_mbit: float = 1000.0
    board_mb: float = 45.0
    load_s: float = 60.0
    board_minutes: float = 2.0
    services_s: float = 60.0
    power_tries: int = 3
    power_retry_s: float = 15.0
    settle_s: float = 130.0
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __post_init__(self) -> None:
        """Refuse values that mean nothing.

        Raises:
            PiclusterError: naming the first of them.
        """
        if not 0 < self.quorum <= 1:
            raise refusal(f"quorum {self.quorum:g} is no part of a bank", "above 0 and at most 1")
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise refusal(f"{name} {getattr(self, name)} is too small", "give at least 1")
        if self.max_banks_on is not None and self.max_banks_on < 1:
            raise refusal(f"max_banks_on {self.max_banks_on} leaves no bank", "give at least 1")
        for name in ("link_mbit", "board_mb", "load_s", "board_minutes", "services_s"):
            _positive(name, getattr(self, name))
        for one in fields(Timeouts):
            _positive(f"timeouts.{one.name}", getattr(self.timeouts, one.name))
        for name in ("stagger_s", "off_s", "heat_wait_s", "power_retry_s", "settle_s"):
            if not getattr(self, name) >= 0:
                raise refusal(f"{name} {getattr(self, name)} is negative", "give 0 or more")
        if not self.max_temp_c < self.hard_temp_c:
            raise refusal(
                f"max_temp_c {self.max_temp_c:g} is not below hard_temp_c {self.hard_temp_c:g}",
                "hold banks back before one has to be shed",
            )

    @property
    def boards_loading(self) -> int:
        """Boards the link can serve at a time within :attr:`load_s`; at least one."""
        return max(1, int(self.link_mbit / 8 * self.load_s / self.board_mb))


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise refusal(f"{name} {value} is not above 0", "give a positive number")


def settings_from(values: Mapping[str, object]) -> Settings:
    """Settings from plain data, as a file or a playbook holds it.

    Args:
        values: numbers by name, ``timeouts`` a mapping of its own; what is ``None`` or empty is
            left at its default.

    Raises:
        PiclusterError: an unknown name, no number, or a value that means nothing.
    """
    given = {name: value for name, value in values.items() if value not in (None, "")}
    timeouts = given.pop("timeouts", {})
    if not isinstance(timeouts, Mapping):
        raise refusal(f"timeouts is {shown(timeouts)}", "give seconds by stage")
    known = {one.name for one in fields(Settings)} - {"timeouts"}
    times = _numbers(timeouts, {one.name for one in fields(Timeouts)}, "timeouts.")
    numbers = _numbers(given, known)
    whole = {name: int(numbers.pop(name)) for name in _WHOLE if name in numbers}
    return Settings(**whole, **numbers, timeouts=Timeouts(**times))  # type: ignore[arg-type]


def _numbers(values: Mapping[str, object], known: set[str], prefix: str = "") -> dict[str, float]:
    found = {}
    for name, value in values.items():
        if name not in known:
            names = ", ".join(sorted(known))
            raise refusal(f"no setting is called {shown(prefix + str(name))[1:-1]}", names)
        found[name] = _number(f"{prefix}{name}", value, whole=name in _WHOLE)
    return found


def _number(name: str, value: object, *, whole: bool) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(str(value))
    except ValueError:
        raise refusal(f"{name} {shown(value)} is no number") from None
    if not abs(number) < float("inf"):
        raise refusal(f"{name} {shown(value)} is no number")
    if whole and number != int(number):
        raise refusal(f"{name} {number:g} is no whole number")
    return number

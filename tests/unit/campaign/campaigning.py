"""Boards, events and small campaigns for the tests of campaigns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from picluster.campaign.events import Event, Sign
from picluster.campaign.fleet import Fleet
from picluster.campaign.progress import Progress, advance
from twin.virtual.faults import NO_FAULTS, Fault, Plagues, Rates
from twin.virtual.run import fleet_like

BOARD = "pi-1-1"
BOOT, OTHER_BOOT = "00112233445566aa", "ffeeddccbbaa9988"

#: What the logs say of a healthy boot, by seconds since power-on.
HEALTHY = (
    (18.0, Sign.DISCOVER, ""),
    (18.0, Sign.OFFER, ""),
    (18.4, Sign.FILE, "bootcode.bin"),
    (18.6, Sign.DISCOVER, ""),
    (18.6, Sign.OFFER, ""),
    (18.7, Sign.FILE, "00000101/start.elf"),
    (18.8, Sign.FILE, "config.txt"),
    (19.9, Sign.FILE, "start_cd.elf"),
    (21.0, Sign.FILE, "initramfs8"),
    (24.0, Sign.FILE, "armstub8.bin"),
    (24.1, Sign.FILE, "kernel8.img"),
    (33.0, Sign.DISCOVER, ""),
    (33.0, Sign.OFFER, ""),
    (33.1, Sign.REQUEST, ""),
    (33.1, Sign.ACK, ""),
    (33.3, Sign.KERNEL, ""),
    (34.0, Sign.MOUNT, ""),
    (34.5, Sign.ROOT, ""),
    (48.0, Sign.KEYS, ""),
    (50.0, Sign.READY, ""),
)
SPOKEN = (Sign.KERNEL, Sign.ROOT, Sign.READY, Sign.ALIVE)


def event(at: float, sign: Sign, detail: str = "", boot: str = "", board: str = BOARD) -> Event:
    """An event of a board; its own messages carry a boot id."""
    if not boot and sign in SPOKEN:
        boot = BOOT
    return Event(at, board, sign, detail, boot)


def boot_events(upto: Sign | None = None, *, on_at: float = 0.0) -> list[Event]:
    """A healthy boot from power-on, up to and with the first event of a sign."""
    events = [event(on_at, Sign.POWER_ON)]
    for seconds, sign, detail in HEALTHY:
        events.append(event(on_at + seconds, sign, detail))
        if sign is upto:
            break
    return events


def folded(events: Iterable[Event], progress: Progress | None = None) -> Progress:
    """The progress after events."""
    progress = progress or Progress()
    for one in events:
        progress = advance(progress, one)
    return progress


def small_fleet(banks: int = 3, size: int = 8, first: int = 1) -> Fleet:
    """A few banks of a few boards in one rack."""
    return fleet_like(range(first, first + banks), size, racks=1)


def plagued(seed: int = 1, boards: Mapping[str, Fault] | None = None, **rates: float) -> Plagues:
    """Only the faults that are named."""
    return Plagues(seed, replace(NO_FAULTS, **rates), boards or {})


def defaults(seed: int, **rates: float) -> Plagues:
    """The default faults but for some."""
    return Plagues(seed, replace(Rates(), **rates))

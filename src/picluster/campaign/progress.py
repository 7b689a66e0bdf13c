"""A board's progress: the stage it reached, as a pure function of what was seen of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from picluster.campaign.events import Event, Health, Sign
from picluster.campaign.stages import Stage

#: Lines of different daemons come in any order within this time, seconds.
LATE_S = 1.0
#: Between the first request of a board at another one's address and the one that gives it away.
_MISTAKEN_S = 10.0
#: The clocks of a boot server and of the campaign are compared with this error, seconds.
_ASKEW_S = 2.0
#: Distinct files remembered of one boot; a healthy one asks for about fifteen.
_FILES = 40
#: DISCOVERs without a REQUEST that only a boot ROM and bootcode.bin send.
_ROM_DISCOVERS = 2
#: Files whose absence keeps a board from booting; a healthy boot misses many others.
_NEEDED = re.compile(r"(?:bootcode\.bin|config\.txt|kernel[^/]*\.img|[^/]+\.dtb|initramfs[^/]*)")
_FIRMWARE = ("start.elf", "start_cd.elf", "start_x.elf", "start_db.elf", "start4.elf")


_UNKNOWN = Health()


class Trouble(StrEnum):
    """Something that explains why a board does not get on."""

    NAK = "nak"
    DECLINED = "declined"
    CONFLICT = "conflict"
    UNANSWERED = "unanswered"
    STRAYED = "strayed"
    INTRUDED = "intruded"
    MISSING = "missing"
    STALLED = "stalled"
    MOUNT_REFUSED = "mount-refused"
    PANIC = "panic"
    NFS_SILENT = "nfs-silent"
    NO_LINK = "no-link"
    OWN_WORD = "own-word"  # it said itself what failed


@dataclass(slots=True)
class Progress:
    """What is known of one board; never changed once :func:`advance` has given it.

    Attributes:
        stage: how far it came since it got power.
        since: when it reached the stage; times are in seconds of the campaign's clock.
        failed: it does not get on from its stage.
        on_at: when it got power, ``None`` while it has none or that is not known.
        began: when this boot began: with power, or when a ready board began anew.
        moved: when it last got on.
        heard: when it last gave a sign, ``None`` before the first.
        boot: its boot id.
        discovers: DISCOVERs since power-on or since the last REQUEST.
        offers: OFFERs in the same time.
        files: distinct files asked for in this boot, in order.
        last_file: the file it asked for last.
        firmware: how often it asked for start.elf.
        restarts: how often it began anew without its power being cut.
        fell_from: the stage it had when it last began anew, ``None`` if it never did.
        troubles: what went wrong in this boot.
        reason: its own words for it, or what a trouble is about.
        step: the step its own ``failed`` message named.
        health: what it said last.
    """

    stage: Stage = Stage.OFF
    since: float = 0.0
    failed: bool = False
    on_at: float | None = None
    began: float = 0.0
    moved: float = 0.0
    heard: float | None = None
    boot: str = ""
    discovers: int = 0
    offers: int = 0
    files: tuple[str, ...] = ()
    last_file: str = ""
    firmware: int = 0
    restarts: int = 0
    fell_from: Stage | None = None
    troubles: frozenset[Trouble] = frozenset()
    reason: str = ""
    step: str = ""
    health: Health = _UNKNOWN

    @property
    def ready(self) -> bool:
        """Whether it is up and was heard in time."""
        return self.stage is Stage.READY and not self.failed


def advance(progress: Progress, event: Event) -> Progress:
    """The progress after an event.

    Duplicates and lines that come late change nothing that matters: within one boot the stage only
    rises; it falls when the board demonstrably begins anew.

    Args:
        progress: before; it stays as it is.
        event: of the same board.
    """
    if event.sign not in _POWER and _of_an_earlier_boot(progress, event):
        return progress
    after = _copy(progress)
    _STEPS[event.sign](after, event)
    return after


_POWER = frozenset({Sign.POWER_ON, Sign.POWER_OFF})


def _copy(old: Progress) -> Progress:
    # by place and by hand: millions of events of a large cluster pass here
    return Progress(
        old.stage,
        old.since,
        old.failed,
        old.on_at,
        old.began,
        old.moved,
        old.heard,
        old.boot,
        old.discovers,
        old.offers,
        old.files,
        old.last_file,
        old.firmware,
        old.restarts,
        old.fell_from,
        old.troubles,
        old.reason,
        old.step,
        old.health,
    )


def _of_an_earlier_boot(progress: Progress, event: Event) -> bool:
    if progress.on_at is not None and event.at < progress.on_at - _ASKEW_S:
        return True
    other = bool(event.boot and progress.boot and event.boot != progress.boot)
    return other and event.at < progress.since


# The steps below change a fresh copy in place.


def _begin(draft: Progress, stage: Stage, at: float) -> None:
    """Forget everything but what the board is like, and stand at a stage."""
    fresh = Progress(stage, at, began=at, moved=at, health=draft.health)
    for name in Progress.__slots__:
        setattr(draft, name, getattr(fresh, name))


def _power_on(draft: Progress, event: Event) -> None:
    overtaken = draft.on_at is None and draft.stage is not Stage.OFF
    if not (overtaken and draft.began >= event.at):  # else its first sign was before the PDU's word
        _begin(draft, Stage.POWERED, event.at)
    draft.on_at = event.at


def _power_off(draft: Progress, event: Event) -> None:
    _begin(draft, Stage.OFF, event.at)


def _given_up(draft: Progress, _event: Event) -> None:
    draft.failed = True


def _hear(draft: Progress, at: float) -> None:
    draft.heard = at if draft.heard is None else max(draft.heard, at)


def _rise(draft: Progress, event: Event, stage: Stage) -> None:
    """To a stage, if it is a higher one."""
    if draft.heard is None and draft.on_at is None:
        draft.began = event.at
    _hear(draft, event.at)
    if stage.rank > draft.stage.rank:
        draft.stage = stage
        draft.since = draft.moved = max(event.at, draft.since)
        draft.failed = False


def _anew(draft: Progress, event: Event, stage: Stage) -> None:
    """It began anew at a stage while it had power."""
    fell_from, restarts, on_at = draft.stage, draft.restarts + 1, draft.on_at
    # a board that never was ready gets no more time by starting over
    began = event.at if fell_from is Stage.READY else draft.began
    kept = draft.troubles & {Trouble.OWN_WORD, Trouble.PANIC}, draft.reason, draft.step
    _begin(draft, stage, event.at)
    draft.on_at, draft.began, draft.heard, draft.boot = on_at, began, event.at, event.boot
    draft.restarts, draft.fell_from = restarts, fell_from
    draft.troubles, draft.reason, draft.step = kept


def _discover(draft: Progress, event: Event) -> None:
    count = draft.discovers + 1
    # a ready system asks anew when its lease was lost: only a file request proves a restart
    running = Stage.TFTP.rank < draft.stage.rank < Stage.READY.rank
    if running and count >= _ROM_DISCOVERS and event.at > draft.since + LATE_S:
        _anew(draft, event, Stage.DHCP)
    else:
        _rise(draft, event, Stage.DHCP)
    draft.discovers = count


def _offer(draft: Progress, event: Event) -> None:
    _rise(draft, event, Stage.DHCP)
    draft.offers += 1
    draft.troubles -= {Trouble.UNANSWERED}


def _request(draft: Progress, event: Event) -> None:
    _rise(draft, event, Stage.KERNEL)
    draft.discovers = draft.offers = 0


def _file(draft: Progress, event: Event) -> None:
    if draft.stage.rank > Stage.TFTP.rank:
        if event.at <= draft.since + LATE_S:
            _hear(draft, event.at)
            return
        _anew(draft, event, Stage.TFTP)
    _rise(draft, event, Stage.TFTP)
    draft.last_file = event.detail
    draft.firmware += event.detail.rpartition("/")[2] in _FIRMWARE
    if event.detail not in draft.files and len(draft.files) < _FILES:
        draft.files = (*draft.files, event.detail)
        draft.moved = max(draft.moved, event.at)


def _mount(draft: Progress, event: Event) -> None:
    _rise(draft, event, Stage.NFS)
    draft.troubles -= {Trouble.MOUNT_REFUSED}


_Step = Callable[[Progress, Event], None]


def _spoken(stage: Stage) -> _Step:
    """The step of a message that a board sends at a stage."""

    def step(draft: Progress, event: Event) -> None:
        if event.boot and draft.boot and event.boot != draft.boot:
            _anew(draft, event, stage)
        else:
            _rise(draft, event, stage)
        if stage is Stage.READY:  # whatever was wrong before is over
            draft.failed = False
            draft.troubles &= {Trouble.INTRUDED}
            draft.reason = draft.step = ""
        draft.boot = event.boot or draft.boot
        if event.health is not None:
            draft.health = _merged(draft.health, event.health)

    return step


def _merged(old: Health, new: Health) -> Health:
    return Health(
        old.temperature if new.temperature is None else new.temperature,
        old.throttled if new.throttled is None else new.throttled,
        old.upper_percent if new.upper_percent is None else new.upper_percent,
        old.uptime_s if new.uptime_s is None else new.uptime_s,
    )


_AT_KERNEL, _AT_NFS = _spoken(Stage.KERNEL), _spoken(Stage.NFS)
#: Steps of a ``failed`` message before which the root was mounted.
_AFTER_NFS = ("overlay", "init")


#: Steps of the initramfs before its root is mounted, as a ``warning`` or ``failed`` names them.
_BEFORE_NFS = ("network", "dhcp", "nfs")


def _warned(draft: Progress, event: Event) -> None:
    (_AT_KERNEL if event.detail in _BEFORE_NFS else _AT_NFS)(draft, event)


def _failed(draft: Progress, event: Event) -> None:
    (_AT_NFS if event.detail in _AFTER_NFS else _AT_KERNEL)(draft, event)
    draft.failed = True
    draft.troubles |= {Trouble.OWN_WORD}
    draft.reason, draft.step = event.reason, event.detail


def _trouble(trouble: Trouble, *, spoken: bool = True) -> _Step:
    """The step of a line that tells of trouble; ``spoken`` if the board itself caused it."""

    def step(draft: Progress, event: Event) -> None:
        draft.troubles |= {trouble}
        draft.reason = event.reason or event.detail or draft.reason
        if spoken:
            _hear(draft, event.at)

    return step


_IS_UNANSWERED, _IS_MISSING, _IS_STRAYED, _IS_INTRUDED = (
    _trouble(Trouble.UNANSWERED),
    _trouble(Trouble.MISSING),
    _trouble(Trouble.STRAYED),
    _trouble(Trouble.INTRUDED, spoken=False),
)


def _unanswered(draft: Progress, event: Event) -> None:
    _discover(draft, event)
    _IS_UNANSWERED(draft, event)


def _missing(draft: Progress, event: Event) -> None:
    _rise(draft, event, Stage.TFTP)
    if _NEEDED.fullmatch(event.detail) is not None:
        _IS_MISSING(draft, event)


def _strayed(draft: Progress, event: Event) -> None:
    _rise(draft, event, Stage.TFTP)
    _IS_STRAYED(draft, event)


def _intruded(draft: Progress, event: Event) -> None:
    _IS_INTRUDED(draft, event)
    if draft.fell_from is Stage.READY and event.at <= draft.since + _MISTAKEN_S:
        # the other board's first request made this one seem to begin anew
        draft.stage, draft.fell_from, draft.failed = Stage.READY, None, False
        draft.restarts -= 1


def _nfs_back(draft: Progress, event: Event) -> None:
    draft.troubles -= {Trouble.NFS_SILENT}
    _hear(draft, event.at)


_STEPS: dict[Sign, _Step] = {
    Sign.POWER_ON: _power_on,
    Sign.POWER_OFF: _power_off,
    Sign.GIVEN_UP: _given_up,
    Sign.DISCOVER: _discover,
    Sign.OFFER: _offer,
    Sign.REQUEST: _request,
    Sign.ACK: _request,
    Sign.NAK: _trouble(Trouble.NAK),
    Sign.DECLINE: _trouble(Trouble.DECLINED),
    Sign.UNANSWERED: _unanswered,
    Sign.CONFLICT: _trouble(Trouble.CONFLICT, spoken=False),
    Sign.FILE: _file,
    Sign.MISSING: _missing,
    Sign.STALLED: _trouble(Trouble.STALLED, spoken=False),
    Sign.STRAYED: _strayed,
    Sign.INTRUDED: _intruded,
    Sign.MOUNT: _mount,
    Sign.MOUNT_REFUSED: _trouble(Trouble.MOUNT_REFUSED),
    Sign.KERNEL: _AT_KERNEL,
    Sign.ROOT: _AT_NFS,
    Sign.KEYS: _spoken(Stage.UP),
    Sign.READY: _spoken(Stage.READY),
    # the heartbeat begins with the ready message: where that was lost, this one stands for it
    Sign.ALIVE: _spoken(Stage.READY),
    # a node looks at what it is assigned when it is ready
    Sign.WORKLOAD: _spoken(Stage.READY),
    # one of the initramfs, or of the running system, which may not be ready yet
    Sign.WARNING: _warned,
    Sign.FAILED: _failed,
    Sign.PANIC: _trouble(Trouble.PANIC),
    Sign.NFS_SILENT: _trouble(Trouble.NFS_SILENT),
    Sign.NFS_BACK: _nfs_back,
    Sign.NO_LINK: _trouble(Trouble.NO_LINK),
}

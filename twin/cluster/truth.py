"""What really happened to every board, and how a campaign's report compares with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from twin.virtual.faults import TRUTH, Fault
from twin.virtual.run import AWAY

#: Faults with which nothing happens after power-on.
_MUTE = frozenset({Fault.NEVER_POWERED, Fault.DEAD, Fault.LINK_LATE})
#: Faults that end in the boot ROM or the firmware.
_LOADING = frozenset(
    {Fault.SILENT, Fault.TAKES_OFFER, Fault.OFF_PLAN, Fault.START_ELF, Fault.TFTP_STALL}
)
_AFTER_READY = frozenset({Fault.CRASH, Fault.OVERHEATS})
#: What may be said beside the virtual twin's truth: with nobody asking beside it, there is no
#: OFFER of another board to take.
_MORE: Mapping[Fault, frozenset[tuple[str, str]]] = {
    Fault.TAKES_OFFER: frozenset({("tftp", "bootcode-only")}),
}
_BANK_SILENT = frozenset({("powered", "bank-silent")})
#: How a board ends by itself.
_BY_ITSELF = ("halts", "breaks off")
#: Why a board stopped that had no fault: a service, a switch or another board.
NETWORK = "network"


@dataclass(frozen=True, slots=True)
class BoardTruth:
    """A board.

    Attributes:
        name, bank, address: the board.
        power: its outlet is on.
        plugged: its bank is plugged in.
        boots: how often it got power.
        fault: value of the fault of its present boot, or empty.
        step: what it did last.
        ready: it said so in its present boot, and still runs.
        ended: value of the fault that stopped it, :data:`NETWORK`, what it did by itself
            (``halts``, ``breaks off``), or empty while it gets on.
        ended_at: when, epoch seconds.
        stolen_by: the board that used its address in this boot, or empty.
    """

    name: str
    bank: int
    address: str
    power: bool = False
    plugged: bool = True
    boots: int = 0
    fault: str = ""
    step: str = "off"
    ready: bool = False
    ended: str = ""
    ended_at: float = 0.0
    stolen_by: str = ""

    @property
    def healthy(self) -> bool:
        """Nothing keeps it from becoming ready."""
        harmless = not self.fault or Fault(self.fault).harmless
        return self.power and self.plugged and harmless and not self.ended and not self.stolen_by

    def after(self, what: str, at: float) -> BoardTruth:
        """The truth once something has happened to it."""
        ended, ready = self.ended, self.ready and what in ("alive", "ready")
        if what == "on":
            ended = self.fault if self.fault and Fault(self.fault) in _MUTE else ""
        elif what == "ready":
            ready = True
        elif what == "restarts":
            return replace(self, fault="", step=what, ready=False, ended="")
        else:
            ended = self._end(what) or ended
        since = at if ended != self.ended else self.ended_at
        return replace(self, step=what, ready=ready, ended=ended, ended_at=since)

    def _end(self, what: str) -> str:
        """Why it gets no further after that, or empty."""
        if what.startswith("stopped"):
            own = self.fault and Fault(self.fault) in _LOADING | _MUTE
            return self.fault if own else NETWORK
        if what in ("panics", "hangs"):
            return self.fault
        if what == "crashes":
            return Fault.CRASH.value
        if what == "overheats":
            return Fault.OVERHEATS.value
        return what if what in _BY_ITSELF else ""


class Truth:
    """Every board's truth; its methods may be called from any thread."""

    def __init__(self, boards: Iterable[BoardTruth]) -> None:
        self._boards = {board.name: board for board in boards}
        self._owners = {board.address: board.name for board in self._boards.values()}
        self._lock = threading.RLock()

    def boards(self) -> dict[str, BoardTruth]:
        """All of them, as they are now."""
        with self._lock:
            return dict(self._boards)

    def plain(self) -> list[dict[str, Any]]:
        """All of them as plain data."""
        return [asdict(board) for board in self.boards().values()]

    def switched_on(self, name: str, fault: str) -> None:
        """A board gets power; what happens is heard later."""
        with self._lock:
            old = self._boards[name]
            self._boards[name] = replace(
                old, power=True, boots=old.boots + 1, fault=fault, step="on", ready=False,
                ended="", stolen_by="",
            )  # fmt: skip

    def switched_off(self, name: str) -> None:
        """A board has no power any more."""
        with self._lock:
            old = self._boards[name]
            self._boards[name] = replace(old, power=False, step="off", ready=False, ended="")

    def plugged(self, names: Iterable[str], *, plugged: bool) -> None:
        """Boards' bank is plugged in, or not."""
        with self._lock:
            for name in names:
                self._boards[name] = replace(self._boards[name], plugged=plugged)

    def heard(self, name: str, what: str, at: float) -> None:
        """Something happened to a board, at epoch seconds."""
        with self._lock:
            board = self._boards[name]
            if what == "off" or not board.power:
                return
            verb, _, rest = what.partition(" ")
            owner = self._owners.get(rest) if verb == "uses" else None
            if owner is not None and owner != name:
                self._boards[owner] = replace(self._boards[owner], stolen_by=name)
            if verb != "uses":
                self._boards[name] = board.after(what, at)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A report held against the truth.

    Attributes:
        healthy: boards that nothing kept from becoming ready, and others that are so all the same.
        ready: of those, ready in truth and in the report.
        faulty: the others.
        named: of those, with the right stage and cause.
        unseen: of those, boards that stopped so shortly before that nobody could know; they are
            counted in neither of the two above.
        wrong: what was said and what was so, of every board that is none of these.
    """

    healthy: int
    ready: int
    faulty: int
    named: int
    unseen: int
    wrong: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Every healthy board is ready, and every other one is named."""
        return not self.wrong


def judge(
    boards: Iterable[BoardTruth],
    down: Mapping[str, tuple[str, str]],
    *,
    heartbeat_s: float,
    now: float | None = None,
) -> Verdict:
    """Hold a report against the truth.

    Args:
        boards: those of the campaign.
        down: stage and key of the diagnosis, by name, of boards that are not ready.
        heartbeat_s: how long a board may be silent before it counts as gone.
        now: when the report was made, epoch seconds; now by default.
    """
    now = time.time() if now is None else now
    healthy = ready = faulty = named = unseen = 0
    wrong = []
    for board in boards:
        said = down.get(board.name)
        if board.healthy or (board.ready and said is None):
            healthy += 1
            ready += board.ready and said is None
            if not board.ready or said is not None:
                wrong.append(f"{board.name} is healthy and {board.step}, {_words(said)}")
        elif said is None and _just_gone(board, now - heartbeat_s):
            unseen += 1
        else:
            faulty += 1
            right = _fits(board, said)
            named += right
            if not right:
                why = board.ended or board.fault or board.step
                wrong.append(f"{board.name}: {why}, {_words(said)}")
    return Verdict(healthy, ready, faulty, named, unseen, tuple(wrong))


def _words(said: tuple[str, str] | None) -> str:
    return "but reported ready" if said is None else f"but reported as {' '.join(said)}"


def _just_gone(board: BoardTruth, since: float) -> bool:
    """Whether it is over with it too lately to be known, or not yet."""
    if board.fault in _AFTER_READY and not board.ended:
        return board.ready
    return board.ended in _AFTER_READY and board.ended_at >= since


def _fits(board: BoardTruth, said: tuple[str, str] | None) -> bool:
    if said is None:
        return False
    if not board.power:
        return said[0] == "off"
    if not board.plugged:
        return said in _BANK_SILENT
    if board.stolen_by and said[1] == "address-taken":
        return True
    # A fault that repeats itself, such as a firmware that loads again and again, has no end yet.
    return said in _right(board.ended or board.fault)


def _right(ended: str) -> frozenset[tuple[str, str]]:
    """Stages and causes that are right for a board that ended so."""
    if ended in ("", *_BY_ITSELF):
        return frozenset()
    if ended == NETWORK:
        return AWAY | {("tftp", "file-missing")}
    fault = Fault(ended)
    return TRUTH[fault] | _MORE.get(fault, frozenset())

"""The boards of a bank whose kernel runs: started, listened to, warmed, crashed and cut."""

from __future__ import annotations

import contextlib
import heapq
import os
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Self

from twin.boards.machine import RunningBoard, port_of
from twin.virtual.heat import Climate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twin.boards.course import Course
    from twin.boards.setup import BankBoard, BankSetup

#: A board that gets so hot stops, after it has said so.
_HARD_C = 85.0
_SAYS_S = 1.0
_IDLE_S = 3600.0


class LinuxBoards:
    """One thread that does all of it, so that power and crashes never meet half-way.

    Args:
        setup: the bank.
        tell: takes a board's name and what happened to it.
        reboot: takes the name of a board that starts anew by itself.
    """

    def __init__(
        self,
        setup: BankSetup,
        tell: Callable[[str, str], object],
        reboot: Callable[[str], object],
    ) -> None:
        self._setup = setup
        self._tell = tell
        self._reboot = reboot
        self._boards: dict[str, RunningBoard] = {}
        self._bank_c = Climate().ambient
        self._work: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._ends = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._loop, name="linux", daemon=True)

    # ---- from other threads

    def start(self, board: BankBoard, course: Course, cmdline: bytes) -> None:
        """Let a board's kernel begin."""
        self._do(lambda: self._start(board, course, cmdline))

    def cut(self, names: Iterable[str]) -> None:
        """Take boards' power; returns when none of their processes runs any more."""
        wanted, done = list(names), threading.Event()

        def cut() -> None:
            self._cut(wanted)
            done.set()

        self._do(cut)
        done.wait(30)

    def crash(self, name: str) -> None:
        """A board stops, whatever it does; it has power, and nothing of it runs."""
        self._do(lambda: self._end(self._boards.get(name), "crashes"))

    def warm(self, bank_c: float) -> None:
        """Temperature of the bank's boards, degrees Celsius."""
        self._do(lambda: self._warm(bank_c))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._do(lambda: self._cut(list(self._boards)))
        self._do(self._stop)
        self._thread.join()
        self._selector.close()
        os.close(self._wake)

    def _do(self, work: Callable[[], object]) -> None:
        self._work.append(work)
        os.eventfd_write(self._wake, 1)

    # ---- the thread

    def _loop(self) -> None:
        while not self._ends:
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2]()
            wait_s = self._timers[0][0] - now if self._timers else _IDLE_S
            for key, _ in self._selector.select(max(0.0, wait_s)):
                if key.data is not None:
                    self._hear(key.data)
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            while self._work and not self._ends:
                self._work.popleft()()

    def _stop(self) -> None:
        self._ends = True

    def _later(self, seconds: float, board: RunningBoard, action: Callable[[], object]) -> None:
        """Do something unless the board has lost its power meanwhile."""
        self._count += 1
        name = board.board.name

        def act() -> None:
            if self._boards.get(name) is board:
                action()

        heapq.heappush(self._timers, (time.monotonic() + seconds, self._count, act))

    def _start(self, board: BankBoard, course: Course, cmdline: bytes) -> None:
        if board.name in self._boards:
            self._cut([board.name])
        running = RunningBoard(self._setup, board, course, cmdline, self._bank_c + course.warmer)
        self._boards[board.name] = running
        self._selector.register(running.output, selectors.EVENT_READ, running)

    def _hear(self, board: RunningBoard) -> None:
        lines = board.hear()
        for line in lines or ():
            self._tell(board.board.name, line)
            if line == "ready":
                self._ready(board)
        if lines is None:
            self._gone(board)

    def _ready(self, board: RunningBoard) -> None:
        board.ready = True
        crash_s = board.course.crash_s
        if crash_s is not None:
            self._later(crash_s, board, lambda: self._end(board, "crashes"))
        self._look(board, self._bank_c)

    def _gone(self, board: RunningBoard) -> None:
        """Its first program ended by itself: it restarts, halts, or is broken."""
        name = board.board.name
        self._selector.unregister(board.output)
        del self._boards[name]
        ended_by = board.wait()
        self._unplug([board])
        if ended_by == signal.SIGHUP:
            self._tell(name, "restarts")
            self._reboot(name)
        else:
            self._tell(name, "halts" if ended_by == signal.SIGINT else "breaks off")

    def _end(self, board: RunningBoard | None, what: str) -> None:
        if board is not None and self._boards.get(board.board.name) is board:
            self._cut([board.board.name])
            self._tell(board.board.name, what)

    def _cut(self, names: list[str]) -> None:
        boards = [board for name in names if (board := self._boards.pop(name, None)) is not None]
        for board in boards:
            self._selector.unregister(board.output)
            board.cut()
        for board in boards:
            board.wait()
        self._unplug(boards)

    def _unplug(self, boards: list[RunningBoard]) -> None:
        """Take their ports off the switch; the kernel does so too, when it finds the time."""
        lines = [f"link delete {port_of(self._setup, board.board)}\n" for board in boards]
        if lines:
            subprocess.run(
                ["ip", "-force", "-batch", "-"], input="".join(lines), text=True, check=False,
                capture_output=True,
            )  # fmt: skip

    # ---- heat

    def _warm(self, bank_c: float) -> None:
        self._bank_c = bank_c
        for board in list(self._boards.values()):
            board.warm(bank_c + board.course.warmer)
            self._look(board, bank_c)

    def _look(self, board: RunningBoard, bank_c: float) -> None:
        """One that is too hot says so once more and stops."""
        if board.ready and not board.ended and bank_c + board.course.warmer >= _HARD_C:
            board.ended = True
            board.say_alive()
            self._later(_SAYS_S, board, lambda: self._end(board, "overheats"))

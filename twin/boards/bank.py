"""The boards of one bank, in a process of their own inside the rack's namespace.

``python -m twin.boards.bank`` takes JSON objects, a line each, on standard input: the bank
(:class:`~twin.boards.setup.BankSetup`), then orders ``{"on": {name: fault}, "boot": number}``,
``{"off": [name]}``, ``{"crash": [name]}`` and ``{"warm": degrees}``. It writes what happens to
boards as JSON lines ``{"board": name, "what": words, "at": epoch seconds}``, and ends with its
input.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from typing import Any

from picluster.mac import MacAddress
from twin.boards.course import Course, course_of
from twin.boards.linux import LinuxBoards
from twin.boards.setup import BankBoard, BankSetup
from twin.rom import Event, Rom, Storm, Timing
from twin.virtual.faults import Fault

_YEAR_S = 366 * 86400.0
#: Boards do not take power at the same moment; seconds.
_SPREAD_S = 1.5


class Bank:
    """The boot ROMs of a bank, in the thread of :meth:`run`, and what becomes of them."""

    def __init__(self, setup: BankSetup) -> None:
        self._setup = setup
        self._by_name = {board.name: board for board in setup.boards}
        self._by_mac = {board.mac: board for board in setup.boards}
        self._courses: dict[str, Course] = {}
        self._lock = threading.Lock()
        self._storm = Storm(
            setup.interface, [self._rom(board) for board in setup.boards], observer=self._observe
        )
        self._linux = LinuxBoards(setup, self._tell, self._reboot)

    def _rom(self, board: BankBoard) -> Rom:
        first_s = 18.0 + _SPREAD_S * self._chance("spread", board.name).random()
        timing = Timing(discover_first_s=first_s, speed=self._setup.speed)
        return Rom(MacAddress(board.mac), board.serial, power_on_s=(), timing=timing)

    def _chance(self, *what: object) -> random.Random:
        words = (self._setup.seed, *what)
        return random.Random("/".join(map(str, words)))  # noqa: S311 - a simulation

    def run(self) -> None:
        """Play the boards until standard input ends."""
        threading.Thread(target=self._take_orders, name="orders", daemon=True).start()
        with self._storm, self._linux:
            self._storm.run(_YEAR_S, until_done=False)

    # ---- orders

    def _take_orders(self) -> None:
        try:
            for line in sys.stdin:
                self._order(json.loads(line))
        finally:
            self._storm.stop()

    def _order(self, order: dict[str, Any]) -> None:
        if "on" in order:
            for name, fault in order["on"].items():
                self._power_on(self._by_name[name], fault, order["boot"])
        if "off" in order:
            self._power_off([self._by_name[name] for name in order["off"]])
        for name in order.get("crash", ()):
            self._linux.crash(name)
        if "warm" in order:
            self._linux.warm(order["warm"])

    def _power_on(self, board: BankBoard, fault: str, boot: int) -> None:
        chance = self._chance("run", board.name, boot)
        course = course_of(Fault(fault) if fault else None, chance, self._setup.off_plan)
        self._courses[board.name] = course
        self._tell(board.name, "on")
        if course.power:
            self._storm.power([board.mac], on=True, quirk=course.quirk)

    def _power_off(self, boards: list[BankBoard]) -> None:
        for board in boards:
            self._courses.pop(board.name, None)
        self._storm.power([board.mac for board in boards], on=False)
        self._linux.cut([board.name for board in boards])
        for board in boards:
            self._tell(board.name, "off")

    def _reboot(self, name: str) -> None:
        """A board starts anew by itself: what was wrong once is over."""
        if name in self._courses:
            self._courses[name] = Course()
            self._storm.power([self._by_name[name].mac], on=True)

    # ---- the boot ROM

    def _observe(self, event: Event) -> None:
        board = self._by_mac[event.mac]
        if event.what == "offer":
            self._tell(board.name, f"uses {event.address}")
        elif event.what == "complete":
            self._start_kernel(board)
        elif event.what == "stage":
            self._tell(board.name, f"loads {event.stage}")
        elif event.what.startswith("stopped"):
            self._tell(board.name, event.what)

    def _start_kernel(self, board: BankBoard) -> None:
        course = self._courses.get(board.name)
        if course is None:  # its power has just gone
            return
        files = self._storm.result(board.mac).files
        lines = [got.content for name, got in files.items() if name.endswith("cmdline.txt")]
        self._storm.hand_over([board.mac])
        if not course.kernel:
            self._tell(board.name, "panics")
            return
        self._linux.start(board, course, (lines[-1] if lines else None) or b"")

    def _tell(self, name: str, what: str) -> None:
        text = json.dumps({"board": name, "what": what, "at": time.time()})
        with self._lock:
            print(text, flush=True)


def main() -> int:
    """Run the bank."""
    Bank(BankSetup.of(json.loads(sys.stdin.readline()))).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A board whose kernel runs: processes in namespaces of their own, gone at once with the power."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twin.boards.course import Course
    from twin.boards.setup import BankBoard, BankSetup

#: Ends with the thread that started it, however that ends.
_BOUND = ("setpriv", "--pdeathsig", "KILL")
_NAMESPACES = ("--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--time")
_SENSOR = Path("sys", "class", "thermal", "thermal_zone0", "temp")


class RunningBoard:
    """One boot of one board.

    Args:
        setup: its bank.
        board: the board.
        course: what goes wrong.
        cmdline: the kernel command line it was handed.
        temperature: degrees Celsius.

    Attributes:
        board: the board.
        course: what goes wrong.
        ready: it said so.
        ended: it stopped by itself; its processes may still be there.
    """

    def __init__(
        self, setup: BankSetup, board: BankBoard, course: Course, cmdline: bytes, temperature: float
    ) -> None:
        self.board = board
        self.course = course
        self.ready = self.ended = False
        self._state = Path(setup.state, board.name)
        self._said = b""
        self._sensor(temperature)
        (self._state / "cmdline").write_bytes(cmdline.strip() + b"\n")
        (self._state / "console").write_bytes(b"")
        # The board's clock begins with its boot.
        since_s = int(time.clock_gettime(time.CLOCK_BOOTTIME))
        self._process = subprocess.Popen(
            [*_BOUND, "unshare", *_NAMESPACES, f"--boottime=-{since_s}", setup.start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self._environment(setup)},
        )
        os.set_blocking(self.output, False)

    def _environment(self, setup: BankSetup) -> dict[str, str]:
        linux, course = setup.linux, self.course
        return {
            "RACK": setup.rack,
            "BRIDGE": setup.bridge,
            "PORT": port_of(setup, self.board),
            "MAC": self.board.mac,
            "TREE": setup.tree,
            "PLACE": setup.place,
            "STATE": str(self._state),
            "EXPORT": setup.export,
            "EXPORT_ROOT": setup.export_root,
            "UPPER": linux.upper,
            "DROP": course.drop,
            "FAULT": course.linux,
            "KERNEL_S": f"{linux.kernel_s:.2f}",
            "READ": str(linux.read_bytes),
            "SSH": str(int(linux.ssh)),
        }

    @property
    def output(self) -> int:
        """Descriptor of what it tells."""
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        return self._process.stdout.fileno()

    def hear(self) -> list[str] | None:
        """The words it told since the last time; ``None`` when it has ended."""
        try:
            data = os.read(self.output, 4096)
        except BlockingIOError:
            return []
        if not data:
            return None
        *lines, self._said = (self._said + data).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def warm(self, temperature: float) -> None:
        """What its sensor shows, degrees Celsius."""
        self._sensor(temperature)

    def _sensor(self, temperature: float) -> None:
        path = self._state / _SENSOR
        path.parent.mkdir(parents=True, exist_ok=True)
        # In place: the board has the folder mounted, and reads a line at a time.
        path.write_text(f"{round(temperature * 1000)}\n")

    def say_alive(self) -> None:
        """Let it send its heartbeat now."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(OSError):
            os.write(self._process.stdin.fileno(), b"alive\n")

    def cut(self) -> None:
        """Take its power; its first program and all others are killed, none of them notices."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        """Wait until its processes are gone, and give the signal that ended the first (or 0)."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return -self._process.wait()


def port_of(setup: BankSetup, board: BankBoard) -> str:
    """Name of its port on the bank's switch: at most 15 bytes."""
    return f"b{setup.bank}-{board.slot}"

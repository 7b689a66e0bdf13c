"""A bank's process, from outside."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

from picluster.errors import os_errors, refusal
from twin.head.places import TREE
from twin.net import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from twin.boards.setup import BankSetup

    #: Takes a board's name, what happened to it, and when, epoch seconds.
    Tell = Callable[[str, str, float], object]

_END_S = 20


class BankProcess:
    """The boards of a bank; a context manager that ends them on leaving.

    Args:
        setup: the bank.
        tell: takes what happens; called from a thread.
        authorized_keys: public keys that open root's account on the boards.
    """

    def __init__(self, setup: BankSetup, tell: Tell, authorized_keys: str) -> None:
        self.setup = setup
        self._tell = tell
        self._keys = authorized_keys
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def power_on(self, faults: Mapping[str, str], boot: int) -> None:
        """Give boards power.

        Args:
            faults: value of the fault of this boot by name, empty for none.
            boot: number of the boot.
        """
        self._order({"on": dict(faults), "boot": boot})

    def power_off(self, names: Iterable[str]) -> None:
        """Take boards' power."""
        self._order({"off": list(names)})

    def crash(self, names: Iterable[str]) -> None:
        """Let boards whose kernel runs stop."""
        self._order({"crash": list(names)})

    def warm(self, degrees: float) -> None:
        """Temperature of the boards, degrees Celsius."""
        self._order({"warm": degrees})

    @property
    def running(self) -> bool:
        """Whether its boards can be powered."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; no board has power yet.

        Raises:
            PiclusterError: the folder of its boards cannot be made.
        """
        state = Path(self.setup.state)
        with os_errors("make the boards' folder", state):
            for board in self.setup.boards:
                shutil.rmtree(state / board.name, ignore_errors=True)
                (state / board.name).mkdir(parents=True)
                (state / board.name / "authorized_keys").write_text(self._keys)
        rack = Namespace(self.setup.rack, create=False)
        with (state / f"bank{self.setup.bank}.log").open("wb") as log:
            self._process = rack.popen(
                [sys.executable, "-m", "twin.boards.bank"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=TREE,
            )  # fmt: skip
        self._reader = threading.Thread(
            target=self._read, args=(self._process,), name=f"bank{self.setup.bank}", daemon=True
        )
        self._reader.start()
        self._order(self.setup.plain())

    def stop(self) -> None:
        """End it and its boards; twice is fine."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join(_END_S)
        if process.stdout is not None:
            process.stdout.close()

    def _order(self, order: dict[str, object]) -> None:
        with self._lock:
            process = self._process
            if process is None or process.stdin is None or process.poll() is not None:
                raise refusal(
                    f"the boards of bank {self.setup.bank} do not run",
                    file=f"{self.setup.state}/bank{self.setup.bank}.log",
                )
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        for line in process.stdout:
            said = json.loads(line)
            self._tell(said["board"], said["what"], said["at"])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

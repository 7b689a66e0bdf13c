# SPDX-License-Identifier: GPL-3.0-or-later
"""Say how far a build is, in lines of a file that somebody reads along."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import TracebackType

SAID_EVERY_S = 5.0
#: The last line of a file: nothing comes after it.
END = "end"


class FileProgress:
    """Progress as lines of text, one at the start of each stage and one every five seconds.

    A stage that counts nothing is reported too, with the time it has taken, so a reader can tell
    a long step from a dead build. Whoever removes the file ends the process, and with it the
    build: a person who interrupts the playbook does not mean it to go on.

    Args:
        path: the file; ``None`` when nobody reads along.
    """

    def __init__(self, path: Path | None, every_s: float = SAID_EVERY_S) -> None:
        self._path = path
        self._file = path.open("a", encoding="utf-8") if path else None
        self._every_s = every_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._name, self._what, self._done, self._total = "", "", 0, 0
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> FileProgress:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._file:
            self._file.close()

    def stage(self, name: str, total: int = 0) -> None:
        """Begin a stage of a number of things, 0 when that is not known."""
        with self._lock:
            self._name, self._what, self._done, self._total = name, "", 0, total
            self._began = time.monotonic()
            self._say(name)

    def step(self, done: int, what: str = "") -> None:
        """Say how many things of the stage are done, and which is at work."""
        with self._lock:
            self._done, self._what = done, what

    def _tick(self) -> None:
        while not self._stop.wait(self._every_s):
            if self._path and not self._path.exists():
                os._exit(1)
            with self._lock:
                if self._name:
                    self._say(self._line())

    def _line(self) -> str:
        words = [self._name]
        if self._total:
            words.append(f"{self._done}/{self._total}")
        elif self._done:
            words.append(str(self._done))
        words += [self._what] if self._what else []
        return " ".join(words) + f" ({time.monotonic() - self._began:.0f} s)"

    def _say(self, line: str) -> None:
        if self._file:
            print(line, file=self._file, flush=True)


def close(path: Path | None) -> None:
    """Say that nothing comes after this."""
    if path:
        with path.open("a", encoding="utf-8") as file:
            print(END, file=file)

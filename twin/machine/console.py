"""The serial console of a machine: read as it comes, kept with the time of each piece."""

from __future__ import annotations

import os
import re
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from picluster.errors import refusal, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHUNK = 4096
#: More than this is a machine that babbles: the oldest half is forgotten.
_KEPT_MAX = 4 << 20
_TAIL = 1500


@dataclass(frozen=True, slots=True)
class Seen:
    """A pattern found on the console.

    Attributes:
        at_s: when the piece that completed it came, seconds since the console was opened.
        text: what matched.
        groups: the pattern's groups.
    """

    at_s: float
    text: str
    groups: tuple[str | None, ...]


class Console:
    """Reads a stream in a thread of its own until it ends.

    Args:
        stream: what the machine prints.
        log: file that gets every byte.
        echo: takes each piece of text too, in the reading thread.
    """

    def __init__(
        self, stream: IO[bytes], log: Path, *, echo: Callable[[str], object] | None = None
    ) -> None:
        self._stream = stream
        self._log = log
        self._echo = echo
        self._text = ""
        self._pieces: list[tuple[int, float]] = []  # end of each piece in the text, its time
        self._start = time.monotonic()
        self._change = threading.Condition()
        self.ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """Everything so far."""
        with self._change:
            return self._text

    def wait(self, pattern: str, timeout_s: float, *, after_s: float = 0.0) -> Seen:
        """Wait until a pattern is on the console.

        Args:
            pattern: regular expression, multi-line.
            timeout_s: seconds to wait at most.
            after_s: what was printed before, seconds since the console was opened, does not count.

        Raises:
            PiclusterError: it did not come, or the machine ended; holds the end of the console.
        """
        expression = re.compile(pattern, re.MULTILINE)
        end = time.monotonic() + timeout_s
        with self._change:
            while True:
                match = expression.search(self._text, self._offset(after_s))
                if match is not None:
                    return Seen(self._time(match.end()), match[0], match.groups())
                left = end - time.monotonic()
                if self.ended or left <= 0:
                    why = "the machine ended" if self.ended else f"not within {timeout_s:.0f} s"
                    raise refusal(
                        f"{shown(pattern)} did not come ({why}); the console ends:\n"
                        f"{self._text[-_TAIL:]}",
                        file=self._log,
                    )
                self._change.wait(min(left, 1.0))

    def now(self) -> float:
        """Seconds since the console was opened."""
        return time.monotonic() - self._start

    def join(self, timeout_s: float = 5.0) -> None:
        """Wait until the stream has ended."""
        self._thread.join(timeout_s)

    def _read(self) -> None:
        with self._log.open("ab", buffering=0) as log:
            while data := os.read(self._stream.fileno(), _CHUNK):
                log.write(data)
                self._take(data.decode("utf-8", "replace").replace("\r", ""))
        with self._change:
            self.ended = True
            self._change.notify_all()

    def _take(self, text: str) -> None:
        with self._change:
            self._text += text
            if len(self._text) > _KEPT_MAX:
                cut = len(self._text) // 2
                self._text = self._text[cut:]
                self._pieces = [(end - cut, at) for end, at in self._pieces if end > cut]
            self._pieces.append((len(self._text), self.now()))
            self._change.notify_all()
        if self._echo is not None:
            self._echo(text)

    def _offset(self, after_s: float) -> int:
        return max((end for end, at in self._pieces if at <= after_s), default=0)

    def _time(self, offset: int) -> float:
        return next((at for end, at in self._pieces if end >= offset), self.now())

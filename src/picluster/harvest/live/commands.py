"""Programs on the harvesting machine: run with a time limit, never left behind."""

from __future__ import annotations

import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator
from types import TracebackType

from picluster.errors import refusal, shown

#: Longer lines are cut; the same limit the log formats have.
MAX_LINE = 64 * 1024
_CHUNK = 256 * 1024


class Stream:
    """A running program whose output is read line by line; ended when the block is left.

    Attributes:
        timed_out: the time limit ended it.
    """

    def __init__(self, command: list[str], source: str, limit_s: float) -> None:
        """Prepare to run ``command`` for at most ``limit_s`` seconds on behalf of ``source``."""
        self._command = command
        self._source = source
        self._limit_s = limit_s
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the block is left
        self._process: subprocess.Popen[bytes] | None = None
        self.timed_out = False

    def __enter__(self) -> Stream:
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        except OSError as error:
            self._errors.close()
            raise refusal(
                f"cannot run {self._command[0]}: {error.strerror}",
                "install it, or run the harvest where it is",
                file=self._source,
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._errors.close()

    @property
    def pid(self) -> int:
        """Process id of the program."""
        return self._process.pid if self._process is not None else 0

    def lines(self) -> Iterator[bytes]:
        """Yield lines without their end, cut at :data:`MAX_LINE`, until the end or the limit."""
        rest, skipping = b"", False
        for chunk in self._chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                if not skipping:
                    yield line[:MAX_LINE]
                skipping = False
            if len(rest) > MAX_LINE:
                if not skipping:
                    yield rest[:MAX_LINE]
                rest, skipping = b"", True
        if rest and not skipping:
            yield rest

    def _chunks(self) -> Iterator[bytes]:
        if self._process is None or self._process.stdout is None:
            return
        deadline = time.monotonic() + self._limit_s
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while True:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    self.timed_out = True
                    return
                chunk = os.read(descriptor, _CHUNK)
                if not chunk:
                    return
                yield chunk

    def failure(self) -> str:
        """What the program wrote to standard error, first line, printable; empty for nothing."""
        self._errors.seek(0)
        lines = self._errors.read(4096).decode("utf-8", "replace").strip().splitlines()
        return shown(lines[0]) if lines else ""

    def status(self) -> int:
        """Exit status, once the output has ended."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(2)
        except subprocess.TimeoutExpired:
            return -1

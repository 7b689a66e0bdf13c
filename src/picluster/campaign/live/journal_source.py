"""Follow the journal of a boot server from a cursor on, whatever happens to the connection."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

from picluster.campaign.live.reach import Reach
from picluster.campaign.watch.entry import FIELDS, SHORT_LIVED, UNITS
from picluster.errors import PiclusterError, refusal

#: Longest entry that is taken, bytes.
MAX_ENTRY = 64 * 1024
#: An answer this quick tells the time well enough, seconds; otherwise the quickest of a few.
_QUICK_S, _SAMPLES = 0.5, 4
_RETRY_S = (1.0, 2.0, 5.0, 10.0)

#: What a source hands over: its name, one line, and where it stands behind it; empty for an entry
#: of a journal, which says so itself.
Sink = Callable[[str, bytes, str], None]


@dataclass(frozen=True, slots=True)
class ServerTime:
    """How a server's clocks stand to the campaign's.

    Attributes:
        boot: id of the server's present run.
        offset_s: campaign's seconds less the server's monotonic ones.
        wall_offset_s: campaign's seconds less the server's seconds since 1970.
    """

    boot: str
    offset_s: float
    wall_offset_s: float


def server_time(reach: Reach, now: Callable[[], float]) -> ServerTime:
    """Ask a server what time it is.

    Raises:
        PiclusterError: it cannot be reached, or says something else.
    """
    samples = []
    for _ in range(_SAMPLES):
        before = now()
        text = reach.run(["cat", "/proc/uptime", "/proc/sys/kernel/random/boot_id"])
        samples.append((now() - before, (before + now()) / 2, text))
        if samples[-1][0] <= _QUICK_S:
            break
    _, middle, text = min(samples)
    before = now()
    wall = reach.run(["date", "+%s.%N"])
    try:
        uptime, boot = text.splitlines()[:2]
        return ServerTime(
            boot.strip().replace("-", ""),
            middle - float(uptime.split()[0]),
            (before + now()) / 2 - float(wall),
        )
    except ValueError:
        raise refusal(f"{reach.name} does not tell its time", "is it a Linux machine?") from None


class JournalSource:
    """Follows one server's journal in a thread; begins again where a connection ended.

    Args:
        reach: the way to the server.
        sink: takes every line; called from the thread.

    Attributes:
        name: the server's.
        cursor: of the last entry that was taken by the campaign; set by who reads the lines.
    """

    def __init__(self, reach: Reach, sink: Sink) -> None:
        self.name = reach.name
        self.cursor = ""
        self._reach = reach
        self._sink = sink
        self._end = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._seen = ""
        self._thread = threading.Thread(target=self._follow, name=f"journal-{self.name}")
        self._thread.daemon = True

    def start(self, cursor: str) -> None:
        """Begin after an entry, or with what is written from now on."""
        self.cursor = self._seen = cursor
        if not cursor:
            self._seen = self._last_cursor()
        self._thread.start()

    def stop(self) -> None:
        """End the program and the thread."""
        self._end.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
        if self._thread.ident is not None:
            self._thread.join(5)

    def has(self, cursor: str) -> bool:
        """Whether the journal still holds an entry.

        Raises:
            PiclusterError: the journal cannot be read.
        """
        words = ["journalctl", "--output=json", "--output-fields=MESSAGE", "--lines=1"]
        found = self._reach.run([*words, "--no-pager", f"--cursor={cursor}"])
        return f'"__CURSOR":"{cursor}"' in found.replace('" : "', '":"')

    def _last_cursor(self) -> str:
        text = self._reach.run(["journalctl", "--show-cursor", "--lines=0", "--no-pager"])
        marks = [line for line in text.splitlines() if line.startswith("-- cursor: ")]
        return marks[-1].removeprefix("-- cursor: ").strip() if marks else ""

    def last(self) -> str:
        """The cursor of the newest entry that is followed; empty when there is none.

        Raises:
            PiclusterError: the journal cannot be read.
        """
        words = ["journalctl", "--output=json", "--output-fields=MESSAGE", "--lines=1"]
        units = (f"--unit={unit}" for unit in UNITS)
        found = self._reach.run([*words, "--no-pager", *units]).encode()
        return _cursor_of(found)

    def command(self) -> list[str]:
        """The program that follows the journal from the last entry on."""
        words = ["journalctl", "--follow", "--lines=all", "--no-pager", "--output=json"]
        words.append(f"--output-fields={FIELDS}")
        words += [f"--after-cursor={self._seen}"] if self._seen else ["--since=now"]
        words += [f"_SYSTEMD_UNIT={unit}" for unit in UNITS]
        words += ["+", *(f"SYSLOG_IDENTIFIER={program}" for program in SHORT_LIVED)]
        return self._reach.command(words)

    def _follow(self) -> None:
        failures = 0
        while not self._end.is_set():
            lines = self._read_once()
            failures = 0 if lines else failures + 1
            self._end.wait(_RETRY_S[min(failures, len(_RETRY_S) - 1)])

    def _read_once(self) -> int:
        """Read until the program ends; how many lines it gave."""
        try:
            self._process = process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return 0
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        count = 0
        with process:
            for line in iter(lambda: process.stdout.readline(MAX_ENTRY), b""):  # type: ignore[union-attr]
                if self._end.is_set():
                    break
                count += 1
                self._note(line)
                self._sink(self.name, line, "")
            process.terminate()
        return count

    def _note(self, line: bytes) -> None:
        """Remember the cursor of a line, to go on from after a broken connection."""
        self._seen = _cursor_of(line) or self._seen


def _cursor_of(line: bytes) -> str:
    start = line.find(b'"__CURSOR"')
    if start < 0:
        return ""
    return line[start + 10 :].lstrip(b' :"').partition(b'"')[0].decode("ascii", "replace")


def checked(source: JournalSource, cursor: str) -> bool:
    """Whether a source can go on after a cursor without a gap.

    Args:
        source: not started yet.
        cursor: of an earlier campaign.
    """
    try:
        return bool(cursor) and source.has(cursor)
    except PiclusterError:
        return False

"""What arrives at a campaign of a real cluster: journals, log files, results of power orders."""

from __future__ import annotations

import json
import queue
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from picluster.campaign.events import Alarm, Event
from picluster.campaign.fleet import Fleet
from picluster.campaign.live.file_source import FileSource
from picluster.campaign.live.journal_source import JournalSource, checked, server_time
from picluster.campaign.live.reach import Reach
from picluster.campaign.live.server_times import ServerTimes
from picluster.campaign.ports import Arrival, Batch, Clock, PowerResult
from picluster.campaign.watch.joiner import Joiner
from picluster.campaign.watch.reader import LogReader
from picluster.campaign.watch.timeline import Timeline
from picluster.errors import PiclusterError

_STATES = "/run/picluster/nodes"
#: Nodes send a message each minute.
FRESH_S = 200.0
#: Lines that arrive within this time are taken together, seconds, and at most so many.
_GATHER_S = 0.2
_MOST = 5000
#: What was missed is read within this time, or it is not there any more, seconds.
_CATCH_UP_S = 60.0
#: Lines that wait to be taken; a reader that outruns the campaign waits itself.
_QUEUED = 200_000


@dataclass(frozen=True, slots=True)
class _Line:
    source: str
    raw: bytes
    position: str


class LiveInbox:
    """See :class:`picluster.campaign.ports.Inbox`. Leave it by :meth:`close`.

    Args:
        fleet: the boards.
        clock: the campaign's.
        fresh_s: a node's last word that is older says nothing of the present, seconds.
    """

    def __init__(self, fleet: Fleet, clock: Clock, fresh_s: float = FRESH_S) -> None:
        self._fresh_s = fresh_s
        self._clock = clock
        self._joiner = Joiner(fleet)
        self._queue: queue.Queue[_Line | PowerResult] = queue.Queue(_QUEUED)
        self._reaches: list[Reach] = []
        self._journals: list[JournalSource] = []
        self._files: list[FileSource] = []
        self._readers: dict[str, LogReader] = {}
        self._positions: dict[str, str] = {}
        #: What was missed by source: the cursor it ends with, empty for a file.
        self._missed: dict[str, str] = {}
        self._missed_until = 0.0
        self._first: list[Event | Alarm] = []

    @property
    def refused(self) -> Counter[str]:
        """Lines that were not believed, by reason."""
        return self._joiner.refused

    @property
    def strangers(self) -> Counter[str]:
        """MAC addresses off the plan that asked for an address."""
        return self._joiner.strangers

    def follow(self, reaches: Sequence[Reach], files: Sequence[Path] = ()) -> None:
        """Say what is read; before it begins.

        Args:
            reaches: the boot servers whose journals are followed.
            files: log files of this machine that are followed, beside the journals.
        """
        self._reaches = list(reaches)
        self._journals = [JournalSource(reach, self._sink) for reach in reaches]
        self._files = [FileSource(path, self._sink) for path in files]

    def begin(self, position: str) -> bool:
        """Begin to read (see the port).

        Raises:
            PiclusterError: a boot server cannot be reached.
        """
        positions = _positions(position)
        seamless = True
        for journal, reach in zip(self._journals, self._reaches, strict=True):
            measured = server_time(reach, self._clock.now)
            self._readers[journal.name] = LogReader(
                self._joiner, ServerTimes(measured, self._clock.now)
            )
            cursor = positions.get(journal.name, "")
            whole = checked(journal, cursor)
            seamless = seamless and (whole or not position)
            journal.start(cursor if whole else "")
            last = journal.last() if whole else ""
            if last not in ("", cursor):
                self._missed[journal.name] = last
            # a campaign that begins knows who is up already; who was switched off says nothing
            since = self._clock.now() - self._fresh_s
            states = _read_states(self._readers[journal.name], reach)
            self._first += [one for one in states if one.at >= since]
        for file in self._files:
            self._readers[file.name] = LogReader(self._joiner, Timeline(self._clock))
            seamless = file.start(positions.get(file.name, "")) and seamless
            self._missed[file.name] = ""
        self._positions = positions
        self._missed_until = self._clock.now() + _CATCH_UP_S
        return seamless

    def states(self, reach: Reach) -> list[Event]:
        """What every node of a server said last.

        Raises:
            PiclusterError: the server cannot be reached.
        """
        measured = server_time(reach, self._clock.now)
        reader = LogReader(self._joiner, ServerTimes(measured, self._clock.now))
        return [one for one in _read_states(reader, reach) if isinstance(one, Event)]

    def _sink(self, source: str, raw: bytes, position: str) -> None:
        self._queue.put(_Line(source, raw, position))

    def power_result(self, result: PowerResult) -> None:
        """Hand over the end of a power order; from any thread."""
        self._queue.put(result)

    def take(self, timeout_s: float) -> Batch:
        """Wait until something is there or the time is over."""
        arrivals: list[Arrival] = [*self._first]
        self._first = []
        try:
            first = self._queue.get(timeout=0.0 if arrivals else max(timeout_s, 0.0))
        except queue.Empty:
            return Batch(arrivals, self._position(), behind=self._behind())
        self._one(first, arrivals)
        until, count = time.monotonic() + min(_GATHER_S, max(timeout_s, 0.0)), 1
        while count < _MOST:
            try:
                item = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            self._one(item, arrivals)
            count += 1
        behind = count >= _MOST or self._behind()
        return Batch(arrivals, self._position(), behind=behind)

    def _behind(self) -> bool:
        return bool(self._missed) and self._clock.now() < self._missed_until

    def _one(self, item: _Line | PowerResult, arrivals: list[Arrival]) -> None:
        if isinstance(item, PowerResult):
            arrivals.append(item)
            return
        if not item.raw:  # a file was read to its end
            self._missed.pop(item.source, None)
            return
        reader = self._readers[item.source]
        text = item.raw.decode("utf-8", "replace")
        if item.position:
            arrivals += reader.text(text)
            self._positions[item.source] = item.position
            return
        found, cursor = reader.journal(text)
        arrivals += found
        if cursor:
            self._positions[item.source] = cursor
            if cursor == self._missed.get(item.source):
                del self._missed[item.source]

    def _position(self) -> str:
        return json.dumps(self._positions, sort_keys=True) if self._positions else ""

    def close(self) -> None:
        """End every reading."""
        for journal in self._journals:
            journal.stop()
        for file in self._files:
            file.stop()


def _read_states(reader: LogReader, reach: Reach) -> list[Event | Alarm]:
    words = ["find", _STATES, "-name", "*.json", "-exec", "grep", "-H", "", "{}", "+"]
    try:
        text = reach.run(words)
    except PiclusterError:
        return []  # no node has spoken since the server's start
    found: list[Event | Alarm] = []
    for line in text.splitlines():
        path, _, content = line.partition(":")
        found += reader.state(content, PurePosixPath(path).name.removesuffix(".json"))
    return found


def _positions(text: str) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): str(position) for name, position in found.items()}

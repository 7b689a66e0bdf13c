"""The one reader: lines of any source in, events and alarms out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from picluster.campaign.events import Alarm, Event
from picluster.campaign.watch import dhcp, messages, nfs, tftp
from picluster.campaign.watch.entry import Entry, JournalEntries, TextEntries
from picluster.campaign.watch.joiner import Joiner
from picluster.campaign.watch.signal import Refused, Signal, printable
from picluster.campaign.watch.timeline import Times

#: Longest line that is looked at, characters.
MAX_LINE = 64 * 1024


class Lines(Protocol):
    """Reads entries of some programs."""

    def read(self, entry: Entry) -> Iterator[Signal | Refused]:
        """What an entry says."""
        ...


def readers() -> dict[str, Lines]:
    """Who reads a program's entries; one memory for each kind."""
    kinds: tuple[tuple[frozenset[str], Lines], ...] = (
        (dhcp.PROGRAMS, dhcp.DhcpLines()),
        (tftp.PROGRAMS, tftp.TftpLines()),
        (nfs.PROGRAMS, nfs.NfsLines()),
        (messages.PROGRAMS, messages.MessageLines()),
    )
    return {program: lines for programs, lines in kinds for program in programs}


class LogReader:
    """Reads log lines into events of a fleet.

    One for each machine whose logs are read; they share a joiner.

    Args:
        joiner: knows the boards; whatever is not theirs is refused, counted and told.
        times: when the machine's entries were written.
        now: present time, aware, for stamps without a year; this machine's when not given.

    Attributes:
        lines: how many were read.
    """

    def __init__(self, joiner: Joiner, times: Times, now: datetime | None = None) -> None:
        self._readers = readers()
        self._joiner = joiner
        self._times = times
        self._journal = JournalEntries()
        self._text = TextEntries(now or datetime.now().astimezone())
        self.lines = 0

    @property
    def refused(self) -> Counter[str]:
        """Lines that were not believed, by reason."""
        return self._joiner.refused

    @property
    def strangers(self) -> Counter[str]:
        """MAC addresses off the plan that asked for an address."""
        return self._joiner.strangers

    def text(self, line: str) -> Iterator[Event | Alarm]:
        """Read a line of syslog, of journalctl in text, or of nfs-ganesha's log."""
        self.lines += 1
        if len(line) > MAX_LINE:
            self.refused["line too long"] += 1
            return
        for entry in self._text.read(line):
            yield from self._entry(entry)

    def journal(self, line: str) -> tuple[list[Event | Alarm], str]:
        """Read a line of ``journalctl -o json``.

        Returns:
            What it says, and its cursor.
        """
        self.lines += 1
        if len(line) > MAX_LINE:
            self.refused["line too long"] += 1
            return [], ""
        entry, cursor = self._journal.read(line)
        if isinstance(entry, Refused):
            self.refused[entry.why] += 1
            return [], cursor
        return list(self._entry(entry)) if entry is not None else [], cursor

    def state(self, text: str, address: str) -> Iterator[Event | Alarm]:
        """Read a node's state file (see :mod:`picluster.campaign.watch.messages`)."""
        found = messages.state_of(text, address)
        if isinstance(found, Refused):
            self.refused[found.why] += 1
            return
        signal, received = found
        at = self._times.received(received)
        line = f"{address}.json: {signal.name} {signal.sign} boot={signal.boot}"
        yield from self._joiner.join(signal, at, line)

    def _entry(self, entry: Entry) -> Iterator[Event | Alarm]:
        reader = self._readers.get(entry.program)
        if reader is None:
            return
        at: float | None = None
        for found in reader.read(entry):
            if at is None:
                at = self._times.at(entry)
            if isinstance(found, Refused):
                yield from self._joiner.refuse(found, at, _evidence(entry))
                continue
            yield from self._joiner.join(found, at, _evidence(entry))


def _evidence(entry: Entry) -> str:
    stamp = ""
    if entry.wall is not None:
        stamp = datetime.fromtimestamp(entry.wall).astimezone().strftime("%H:%M:%S ")
    return f"{stamp}{entry.program}: {printable(entry.message.strip())}"

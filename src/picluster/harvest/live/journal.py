"""The journal of a DHCP or TFTP server's unit, read or followed for a while."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from picluster.errors import refusal, shown
from picluster.harvest.live.access import Progress
from picluster.harvest.live.commands import MAX_LINE, Stream
from picluster.harvest.live.text import now
from picluster.harvest.observation import Fact, Observation, Remark

_UNIT = re.compile(r"[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]{0,254}", re.ASCII)
_FIELDS = "MESSAGE,SYSLOG_IDENTIFIER,_COMM,_SOURCE_REALTIME_TIMESTAMP"


def observe_unit(
    unit: str,
    *,
    since: str = "-1d",
    follow_s: float | None = None,
    limit_s: float = 120.0,
    directory: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[Fact]:
    """Yield what the journal says of a unit, entry by entry.

    Args:
        unit: systemd unit, ``isc-dhcp-server``.
        since: first entry, as ``journalctl --since`` takes it.
        follow_s: go on for so many seconds, with new entries as they come; ``None`` reads what
            there is.
        limit_s: seconds reading what there is may take.
        directory: a journal elsewhere, as ``journalctl --directory`` takes it.
        progress: told about the begin.

    Raises:
        PiclusterError: no journal, no entry of the unit, no permission, a broken entry, or the
            time limit while not following.
    """
    from picluster.harvest.formats.base import Context  # noqa: PLC0415 - as in text.py
    from picluster.harvest.formats.dhcp.log import JournalJson  # noqa: PLC0415

    source = f"journal:{unit}"
    if not _UNIT.fullmatch(unit):
        raise refusal(f"not a unit name: {shown(unit)}", "name one as systemctl lists it")
    if progress is not None:
        progress(f"{source}: read since {since}" + (f", {follow_s:g} s" if follow_s else ""))
    limit = limit_s if follow_s is None else follow_s
    with Stream(_command(unit, since, follow_s is not None, directory), source, limit) as stream:
        reading = _Reading(stream, unit, since, following=follow_s is not None)
        form = JournalJson(live=follow_s is not None)
        for fact in form.parse(reading.lines(), Context(source, now())):
            yield replace(fact, line=None) if isinstance(fact, Observation | Remark) else fact
        if reading.cut:
            what = f"{reading.cut} entries of more than {MAX_LINE} bytes: not read"
            yield Remark(what, source)


def _command(unit: str, since: str, following: bool, directory: Path | None) -> list[str]:
    command = ["journalctl", "--output=json", f"--output-fields={_FIELDS}", "--no-pager"]
    command += [f"--unit={unit}", f"--since={since}"]
    if following:
        # Without it journalctl begins ten entries before the end, whatever --since says.
        command += ["--follow", "--lines=all"]
    if directory is not None:
        command.append(f"--directory={directory}")
    return command


class _Reading:
    """Lines of one journalctl, and why there may be none."""

    def __init__(self, stream: Stream, unit: str, since: str, *, following: bool) -> None:
        self._stream = stream
        self._unit = unit
        self._since = since
        self._following = following
        self.cut = 0

    def lines(self) -> Iterator[tuple[int, str]]:
        entries = 0
        for entries, raw in enumerate(self._stream.lines(), start=1):
            if len(raw) >= MAX_LINE:
                self.cut += 1
                continue
            yield entries, raw.decode("utf-8", "replace")
        self._judge(entries)

    def _judge(self, entries: int) -> None:
        source = f"journal:{self._unit}"
        if self._stream.timed_out:
            if not self._following:
                raise refusal(
                    "the journal did not end within the time limit",
                    "ask for a later --since",
                    file=source,
                )
            return
        complaint, status = self._stream.failure(), self._stream.status()
        if status != 0:
            raise refusal(
                f"journalctl failed: {complaint or f'status {status}'}",
                "check --since, and run it by hand",
                file=source,
            )
        if entries == 0:
            what = f"the journal has no entry of the unit since {shown(self._since)}"
            raise refusal(
                f"{what} ({complaint})" if complaint else what,
                "check the unit's name, that this machine keeps a journal, and that you may "
                "read it (group systemd-journal)",
                file=source,
            )

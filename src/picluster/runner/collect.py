"""Fold the events of a run: the report, the reasons of failures, and nothing per host beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from picluster.runner.events import STATES, Event, data_of, event_of, reason_of, task_of

_HOSTS = 3
_REASONS = 5
_REASON = 2000
_TAIL = 4000
_REFUSED = "refused:\n"


class Collector:
    """Takes every event of ansible-runner.

    Args:
        statistic: name of the statistic that holds the report.
        telling: tasks whose results hold ``lines`` for people, and of a check the preview.
        scrub: takes secrets out of a text.
        tell: takes what people want to know; called one at a time.

    Attributes:
        report: the report, or empty.
        lines: for people.
        preview: what would be done.
        planned: the lines say what would be done, not how it went.
        finished: the playbook came to its statistics.
    """

    def __init__(
        self,
        statistic: str,
        telling: frozenset[str],
        scrub: Callable[[str], str],
        tell: Callable[[Event], object],
    ) -> None:
        self._statistic = statistic
        self._telling = telling
        self._scrub = scrub
        self._tell = tell
        self._failures: dict[str, list[str]] = {}
        self._output = ""
        self.report: Mapping[str, Any] = {}
        self.lines: tuple[str, ...] = ()
        self.preview: Mapping[str, Any] = {}
        self.planned = False
        self.finished = False

    def take(self, raw: dict[str, Any]) -> None:
        """Take an event."""
        data, kind = data_of(raw), str(raw.get("event", ""))
        self._output = (self._output + str(raw.get("stdout") or "") + "\n")[-_TAIL:]
        if kind == "playbook_on_stats":
            self._end(data)
        elif kind in STATES:
            self._result(kind, data)
        event = event_of(raw, self._scrub)
        if event is not None:
            self._tell(event)

    def _end(self, data: Mapping[str, Any]) -> None:
        self.finished = True
        stats = data.get("artifact_data")
        found = stats.get(self._statistic) if isinstance(stats, Mapping) else None
        if isinstance(found, Mapping):
            self.report = found

    def _result(self, kind: str, data: Mapping[str, Any]) -> None:
        res = data.get("res") or {}
        if task_of(data) in self._telling:
            preview = res.get("preview") or res.get("plan")
            if res.get("lines"):
                self.lines, self.planned = tuple(map(str, res["lines"])), bool(preview)
            self.preview = preview or self.preview
        bad = kind in ("runner_on_failed", "runner_on_unreachable")
        if bad and not data.get("ignore_errors"):
            reason = self._scrub(reason_of(res)).removeprefix(_REFUSED)[:_REASON]
            # what runs on the control node has a host's name all the same
            ours = str(data.get("task_action", "")).startswith("picluster_")
            hosts = self._failures.setdefault(reason, [])
            if not ours:
                hosts.append(str(data.get("host", "")))

    def reasons(self) -> list[str]:
        """Why it failed, each reason once with its hosts."""
        said = [_reason(text, hosts) for text, hosts in self._failures.items()]
        more = len(said) - _REASONS
        return [*said[:_REASONS], *([f"{more} other reasons"] if more > 0 else [])]

    @property
    def output(self) -> str:
        """The end of what Ansible printed."""
        return self._scrub(self._output).strip()


def _reason(text: str, hosts: list[str]) -> str:
    if not hosts:
        return text
    named = ", ".join(hosts[:_HOSTS])
    more = f" and {len(hosts) - _HOSTS} others" if len(hosts) > _HOSTS else ""
    return f"{named}{more}: {text}"

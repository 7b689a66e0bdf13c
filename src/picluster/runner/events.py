"""What happens in a run, for whoever watches it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from picluster.errors import printable

#: What ansible-runner hands over.
Raw = Mapping[str, Any]

#: What a task said of a host, by the event that says so.
STATES = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_on_skipped": "skipped",
}
_TOLD = ("verbose", "warning", "system_warning", "error")
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; secrets are taken out of its texts.

    Attributes:
        kind: ``waiting`` (another run has the cluster), ``started``, ``task`` (one began),
            ``notice`` (what a campaign or Ansible tells people), ``result`` (what a task said of
            a host), ``cancelling``, ``ended``.
        text: for people, one line or more.
        host: whose result it is, else empty.
        task: the task, without its role; else empty.
        state: of a result: ``ok``, ``changed``, ``failed`` or ``unreachable``; else empty.
        at: seconds since 1970.
    """

    kind: str
    text: str = ""
    host: str = ""
    task: str = ""
    state: str = ""
    at: float = field(default_factory=time.time)


#: Takes events, one at a time, in another thread than the one that started the run.
Watch = Callable[[Event], object]


def event_of(raw: Raw, scrub: Callable[[str], str] = str) -> Event | None:
    """What an event of ansible-runner means; ``None`` for those that mean nothing to people.

    Args:
        raw: the event.
        scrub: takes secrets out of a text.
    """
    kind, data = str(raw.get("event", "")), data_of(raw)
    if kind == "playbook_on_task_start":
        return Event("task", task_of(data), task=task_of(data))
    if kind in STATES and kind != "runner_on_skipped":
        res = data.get("res") or {}
        state = "changed" if STATES[kind] == "ok" and res.get("changed") else STATES[kind]
        bad = state in ("failed", "unreachable")
        text = _bounded(scrub(reason_of(res))) if bad else ""
        return Event("result", text, str(data.get("host", "")), task_of(data), state)
    if kind in _TOLD:
        text = scrub(str(raw.get("stdout") or "")).strip()
        return Event("notice", _bounded(text)) if text else None
    return None


def keep_failures(raw: dict[str, Any]) -> bool:
    """An ``event_handler`` for ansible-runner that leaves a file for each failure only.

    Without one ansible-runner writes a file for every event, about twice hosts times tasks. The
    end is kept too: it holds the statistics with the report.
    """
    kind = raw.get("event")
    bad = kind in ("runner_on_failed", "runner_on_unreachable", "runner_item_on_failed")
    return kind == "playbook_on_stats" or (bad and not data_of(raw).get("ignore_errors"))


def data_of(raw: Raw) -> Mapping[str, Any]:
    """The data of an event."""
    data = raw.get("event_data")
    return data if isinstance(data, Mapping) else {}


def task_of(data: Raw) -> str:
    """A task's name, without its role's."""
    return str(data.get("task", "")).rpartition(" | ")[2]


def reason_of(res: Raw) -> str:
    """Why a task failed: of a loop, what its items say."""
    items = [item.get("msg") for item in res.get("results") or () if item.get("failed")]
    words = [*items, res.get("reason"), res.get("stderr")]
    if not any(items) and not res.get("reason"):  # else it says that items have failed
        words.insert(0, res.get("msg"))
    return " ".join(str(word) for word in words if word) or "no reason was given"


def _bounded(text: str) -> str:
    shown = "\n".join(printable(line.rstrip()) for line in text.splitlines())
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"

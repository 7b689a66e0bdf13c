"""Run a command on every board that is ready, by ``playbooks/run.yml``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picluster.cluster.load import find_description
from picluster.errors import refusal
from picluster.rolling.command import Answer, Limits, answer_of, packed, script_of
from picluster.runner.drive import drive, failure
from picluster.runner.events import STATES, data_of, reason_of, task_of
from picluster.runner.order import Order
from picluster.runner.project import find_project

_PLAYBOOK = "playbooks/run.yml"
_FIND, _RUN = "Find the boards that are ready", "Run the command"


@dataclass(frozen=True, slots=True)
class Asked:
    """How a command came to the boards.

    Attributes:
        sources: inventory sources, the cluster's first.
        limit: hosts, as Ansible's ``--limit`` takes them.
        limits: what a board may take and give.
        login_s: seconds a board may take to accept a login.
        journal: of the campaigns; ``None`` for the user's own.
    """

    sources: Sequence[Path]
    limit: str | None = None
    limits: Limits = field(default_factory=Limits)
    login_s: int = 10
    journal: Path | None = None


def ask_boards(
    command: str,
    asked: Asked,
    take: Callable[[Answer], object],
    watch: Callable[[str], object] = lambda _: None,
) -> dict[str, str]:
    """Run a command on boards that are ready.

    Args:
        command: for the board's shell.
        asked: which boards, and how.
        take: takes each answer as it comes; nothing of it is kept here.
        watch: told in one line how far it is.

    Returns:
        Boards that are not ready, with the reason.

    Raises:
        PiclusterError: refused before any board was asked, or the playbook broke off.
        KeyboardInterrupt: once the playbook has been ended in order.
    """
    find_description(asked.sources[0])
    for source in asked.sources:
        if not source.exists():
            raise refusal("no such inventory source", "correct the path", file=source)
    reader = _Reader(asked.limits, take, watch)
    variables: dict[str, Any] = {
        "board_command_packed": packed(script_of(command, asked.limits)),
        "board_command_limit_s": int(asked.limits.seconds) + 1,
        "board_command_login_s": asked.login_s,
    }
    if asked.journal is not None:
        variables["board_command_journal"] = str(asked.journal.resolve())
    project = find_project(asked.sources[0])
    drive(Order(project, _PLAYBOOK, asked.sources, variables, asked.limit), reader.event)
    if not reader.found:
        raise failure(_PLAYBOOK, reader.reasons, reader.output)
    missing = reader.ready - reader.count
    if missing > 0:
        raise refusal(f"{_PLAYBOOK} broke off: {missing} boards were not asked", "run it again")
    return reader.absent


class _Reader:
    """Folds the playbook's events."""

    def __init__(
        self, limits: Limits, take: Callable[[Answer], object], watch: Callable[[str], object]
    ) -> None:
        self._limits = limits
        self._take = take
        self._watch = watch
        self.found = False
        self.ready = 0
        self.count = 0
        self.absent: dict[str, str] = {}
        self.reasons: list[str] = []
        self.output = ""

    def event(self, raw: dict[str, Any]) -> None:
        data, kind = data_of(raw), str(raw.get("event", ""))
        state, res = STATES.get(kind), data.get("res") or {}
        if kind == "playbook_on_task_start":
            self._watch(task_of(data))
        if state in (None, "skipped"):
            self.output = (self.output + str(raw.get("stdout") or ""))[-4000:]
            return
        if task_of(data) == _FIND and state == "ok":
            self.found = True
            self.ready = len(res.get("ready") or ())
            self.absent = {str(name): str(why) for name, why in (res.get("absent") or {}).items()}
        elif task_of(data) == _RUN:
            self._answer(str(data.get("host", "")), str(state), res)
        elif state != "ok":
            self.reasons.append(reason_of(res))

    def _answer(self, host: str, state: str, res: Mapping[str, Any]) -> None:
        self.count += 1
        self._take(answer_of(host, state, res, self._limits))
        self._watch(f"{self.count} of {self.ready} boards have answered")

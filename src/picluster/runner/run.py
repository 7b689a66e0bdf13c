"""Run a playbook to its end and give what each task said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picluster.runner.drive import drive, failure
from picluster.runner.events import STATES, data_of, reason_of, task_of
from picluster.runner.order import Order


@dataclass(frozen=True, slots=True)
class Result:
    """What one task said of one host.

    Attributes:
        host: its name in the inventory.
        task: the task's name, without the role's.
        state: ``ok``, ``failed``, ``unreachable`` or ``skipped``.
        data: the task's result, plain data.
    """

    host: str
    task: str
    state: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Run:
    """How a playbook ended.

    Attributes:
        status: exit status of ``ansible-playbook``.
        results: of every task and host, in order.
        output: what Ansible printed, for a run that ended without a result.
    """

    status: int = 0
    results: list[Result] = field(default_factory=list)
    output: str = ""

    def of(self, task: str) -> Iterator[Result]:
        """What a task said of each host it ran on."""
        return (r for r in self.results if r.task == task and r.state == "ok")

    def reasons(self) -> list[str]:
        """``host: reason`` of each failure."""
        failed = (r for r in self.results if r.state in ("failed", "unreachable"))
        return [f"{r.host}: {reason_of(r.data)}" for r in failed if not r.data.get("ignored")]

    def check(self, what: str) -> None:
        """Refuse a run that failed.

        Raises:
            PiclusterError: with the reason of every host.
        """
        if self.status != 0:
            raise failure(what, self.reasons(), self.output)


def run_playbook(
    project: Path,
    playbook: str,
    inventories: Sequence[Path],
    *,
    variables: Mapping[str, Any] | None = None,
    limit: str | None = None,
    check: bool = False,
    watch: Callable[[str], object] | None = None,
) -> Run:
    """Run a playbook of the project.

    Args:
        project: its folder, see :func:`find_project`.
        playbook: path below it, such as ``playbooks/images.yml``.
        inventories: inventory sources, the later ones having the last word.
        variables: extra variables; they are handed over in a file that only the caller can read.
        limit: pattern of the hosts it is about, as ``--limit`` takes it.
        check: change nothing.
        watch: takes each task's name when it begins.

    Returns:
        How it ended; nothing of it stays on the disk.

    Raises:
        PiclusterError: ansible-playbook is not installed beside this Python.
        KeyboardInterrupt: once the playbook has been ended in order.
    """
    run = Run()

    def take(event: dict[str, Any]) -> None:
        data = data_of(event)
        name = task_of(data)
        if event.get("event") == "playbook_on_task_start" and watch is not None:
            watch(name)
        state = STATES.get(event.get("event", ""))
        if state is not None:
            ignored = {"ignored": True} if data.get("ignore_errors") else {}
            result = {**(data.get("res") or {}), **ignored}
            run.results.append(Result(str(data.get("host", "")), name, state, result))
        run.output = (run.output + (event.get("stdout") or "") + "\n")[-4000:]

    order = Order(project, playbook, inventories, variables or {}, limit, check)
    run.status = drive(order, take).status
    return run

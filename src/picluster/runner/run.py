"""Run a playbook to its end and give what each task said."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picluster.errors import refusal

_INSTALL = "pip install 'picluster[control]'"
#: What a host answered, by the event that says so.
_STATES = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_on_skipped": "skipped",
}


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
        return [f"{r.host}: {_reason(r.data)}" for r in failed if not r.data.get("ignored")]

    def check(self, what: str) -> None:
        """Refuse a run that failed.

        Raises:
            PiclusterError: with the reason of every host.
        """
        if self.status == 0:
            return
        reasons = self.reasons() or [self.output.strip()[-800:] or f"status {self.status}"]
        raise refusal(f"{what} failed: " + "; ".join(reasons))


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
    """
    program = Path(sys.executable).with_name("ansible-playbook")
    try:
        # Only what talks to Ansible needs it: the library and its other commands do not.
        import ansible_runner  # noqa: PLC0415
    except ImportError as error:
        raise refusal("ansible-runner is not installed", _INSTALL) from error
    if not program.exists():
        raise refusal("ansible-playbook is not installed beside picluster", _INSTALL)
    run = Run()

    def take(event: dict[str, Any]) -> bool:
        data = event.get("event_data") or {}
        name = str(data.get("task", "")).rpartition(" | ")[2]
        if event.get("event") == "playbook_on_task_start" and watch is not None:
            watch(name)
        state = _STATES.get(event.get("event", ""))
        if state is not None:
            ignored = {"ignored": True} if data.get("ignore_errors") else {}
            run.results.append(
                Result(
                    str(data.get("host", "")), name, state, {**(data.get("res") or {}), **ignored}
                )
            )
        run.output = (run.output + (event.get("stdout") or "") + "\n")[-4000:]
        return False  # no event is written to the disk

    environment = {
        "ANSIBLE_CONFIG": str(project / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "PATH": os.pathsep.join([str(program.parent), os.environ.get("PATH", os.defpath)]),
    }
    with tempfile.TemporaryDirectory(prefix="picluster-run-") as folder:
        done = ansible_runner.run(
            private_data_dir=folder,
            project_dir=str(project),
            playbook=str(project / playbook),
            inventory=[str(path.resolve()) for path in inventories],
            extravars=dict(variables or {}),
            limit=limit,
            cmdline="--check" if check else None,
            envvars=environment,
            event_handler=take,
            quiet=True,
            suppress_env_files=True,
        )
    run.status = int(done.rc if done.rc is not None else 1)
    return run


def _reason(data: Mapping[str, Any]) -> str:
    items = [item.get("msg") for item in data.get("results", ()) if item.get("failed")]
    words = [data.get("msg"), *items, data.get("stderr")]
    return " ".join(str(word) for word in words if word) or "no reason was given"

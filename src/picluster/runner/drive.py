"""Start ansible-playbook by ansible-runner, follow it, and end it in order when that is wanted."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from picluster.errors import PiclusterError, refusal
from picluster.runner.events import data_of, task_of
from picluster.runner.order import Order, ansible_runner, environment, words

_POLL_S = 0.1
#: How Ansible says what ended it.
_ERROR = re.compile(r"^(?:\[ERROR\]: |ERROR! )(.+?)\s*$", re.MULTILINE)
#: From the order to end until it is killed, seconds: a campaign ends its switching first.
_GRACE_S = 60.0
#: Nothing of the run stays on the disk; a cancel is noticed within a second.
_SETTINGS = {"suppress_output_file": True, "suppress_ansible_output": True, "pexpect_timeout": 1}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a playbook ended.

    Attributes:
        status: exit status of ansible-playbook; 254 where it was ended.
        cancelled: it was cancelled before its end.
    """

    status: int
    cancelled: bool


def never() -> bool:
    """Nobody cancels."""
    return False


def drive(
    order: Order,
    take: Callable[[dict[str, Any]], object],
    cancel: Callable[[], bool] = never,
    cancelling: Callable[[], object] = lambda: None,
) -> Ended:
    """Run a playbook to its end.

    Args:
        order: what to run.
        take: takes every event of ansible-runner, in a thread of the run's own.
        cancel: asked several times a second; the run ends when it says yes.
        cancelling: told when the playbook is ended because of that.

    Raises:
        PiclusterError: ansible-runner or ansible-playbook is not installed beside this Python.
        BaseException: whatever ``take`` or ``cancel`` raised, or the keyboard, once the playbook
            has been ended as by a cancel.
    """
    return _Drive(order, take, cancel, cancelling, ansible_runner()).run()


class _Drive:
    def __init__(
        self,
        order: Order,
        take: Callable[[dict[str, Any]], object],
        cancel: Callable[[], bool],
        cancelling: Callable[[], object],
        module: Any,
    ) -> None:
        self._order = order
        self._take = take
        self._cancel = cancel
        self._cancelling = cancelling
        self._module = module
        self._done: Any = None
        self._error: BaseException | None = None
        # not the thread's join: interrupted by the keyboard, it takes the thread for ended
        self._over = Event()
        self._pid, self._pidfd = 0, -1
        self._workers: list[int] = []
        self._task = ""
        self._stop = False
        self._told_at = 0.0
        self._kill = False
        self._folder = Path()

    def run(self) -> Ended:
        try:
            with tempfile.TemporaryDirectory(
                prefix="picluster-run-", ignore_cleanup_errors=True
            ) as name:
                self._folder = Path(name)
                self._prepare()
                Thread(target=self._ansible, name="picluster-run", daemon=True).start()
                self._follow()
                self._workers_end()
        finally:
            for handle in (self._pidfd, *self._workers):
                if handle >= 0:
                    os.close(handle)
        if self._error is not None:
            raise self._error
        status = self._done.rc if self._done is not None else None
        return Ended(254 if status is None else int(status), bool(self._told_at))

    def _prepare(self) -> None:
        """Put what ansible-runner would put on the command line into files of our own."""
        order, folder = self._order, self._folder / "env"
        folder.mkdir(mode=0o700)
        variables = {**order.variables, **order.secrets.variables}
        for name, data in (("settings", _SETTINGS), ("extravars", variables)):
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(data, file)

    # ---- the thread of the run

    def _ansible(self) -> None:
        order = self._order
        try:
            self._done = self._module.run(
                private_data_dir=str(self._folder),
                project_dir=str(order.project),
                **words(order),
                inventory=[str(path.resolve()) for path in order.inventories],
                limit=order.limit,
                envvars=environment(order),
                passwords=dict(order.secrets.passwords) or None,
                ssh_key=order.secrets.ssh_key,
                event_handler=self._event,
                status_handler=self._status,
                cancel_callback=lambda: self._kill,
                fact_cache_type="memory",
                quiet=True,
                suppress_env_files=True,
            )
        except BaseException as error:
            self._error = self._error or error
        finally:
            self._over.set()

    def _event(self, raw: dict[str, Any]) -> bool:
        """Take an event; none is written to the disk."""
        if self._pidfd < 0 and raw.get("event") == "playbook_on_start":
            self._pid = int(raw["pid"])
            with suppress(OSError):
                self._pidfd = os.pidfd_open(self._pid)
            # Ansible has read them
            (self._folder / "env" / "extravars").unlink(missing_ok=True)
        kind, name = raw.get("event"), task_of(data_of(raw))
        if kind == "playbook_on_task_start":
            self._task = name
        elif kind in ("runner_on_ok", "runner_on_failed") and name in self._order.protected:
            self._task = ""
        try:
            self._take(raw)
        except BaseException as error:
            self._error = self._error or error
            self._stop = True
        return False

    def _status(self, data: Mapping[str, Any], runner_config: Any) -> None:
        """Remove the file that holds the whole environment as soon as it is written."""
        if data.get("status") == "running":
            Path(runner_config.artifact_dir, "command").unlink(missing_ok=True)

    # ---- the thread of the caller

    def _follow(self) -> None:
        while True:
            try:
                if self._over.wait(_POLL_S):
                    return
                self._stop = self._stop or self._cancel()
                if self._stop:
                    self._end()
            except BaseException as error:
                self._error = self._error or error
                self._stop = True

    def _end(self) -> None:
        if self._told_at:
            self._kill = self._kill or time.monotonic() > self._told_at + _GRACE_S
            return
        if self._task in self._order.protected:
            return
        self._told_at = time.monotonic()
        if self._pidfd < 0:
            self._kill = True  # it has not begun
        else:
            with suppress(OSError):
                self._signal()
        self._cancelling()

    def _signal(self) -> None:
        """Tell each worker once: a campaign then ends in order, and says so; twice would kill it.

        Ansible would tell them, but for those that it is just starting; it stands still meanwhile.
        """
        signal.pidfd_send_signal(self._pidfd, signal.SIGSTOP)
        _stopped(self._pid)
        self._workers = _children(self._pid)
        for worker in self._workers:
            with suppress(OSError):
                signal.pidfd_send_signal(worker, signal.SIGTERM)
        # with none to see it tells them itself, should there be any
        last = signal.SIGKILL if self._workers else signal.SIGTERM
        signal.pidfd_send_signal(self._pidfd, last)
        signal.pidfd_send_signal(self._pidfd, signal.SIGCONT)

    def _workers_end(self) -> None:
        """Wait for the workers: the playbook ends before them when it is told to."""
        end = time.monotonic() + _GRACE_S
        for worker in self._workers:
            left_ms = max(0.0, end - time.monotonic()) * 1000
            watch = select.poll()
            watch.register(worker, select.POLLIN)
            watch.poll(left_ms)


def _stopped(pid: int) -> None:
    """Wait until a process stands still, not for long."""
    end = time.monotonic() + 1
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2]
        if not state.startswith(("R", "S", "D")):
            return
        time.sleep(0.005)


def _children(pid: int) -> list[int]:
    """Handles of a process's children."""
    handles = []
    with suppress(OSError):
        for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split():
            with suppress(OSError):
                handles.append(os.pidfd_open(int(word)))
    return handles


def failure(playbook: str, reasons: Sequence[str], output: str) -> PiclusterError:
    """The refusal for a playbook that failed, with the reason of every host."""
    errors = _ERROR.findall(output)
    said = "; ".join(reasons or errors) or output.strip()[-800:] or "it said nothing"
    return refusal(f"{playbook} failed: {said}")

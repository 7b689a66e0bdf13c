"""Shut banks down, step by step: an adapter over :mod:`picluster.campaign.live.shutdown`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

try:
    from picluster.campaign.live.artefact import report_path, write_report
    from picluster.campaign.live.campaign import Options
    from picluster.campaign.live.connections import given
    from picluster.campaign.live.shutdown import Shutdown
    from picluster.campaign.shutdown import DONE, Halted
    from picluster.errors import PiclusterError
    from picluster.plan.read import read_plan
    from picluster.power.control import Event
    from picluster.power.desk import PowerDesk
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error

_NAMES = ("nodes", "asked", "unreachable", "answering")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Plans, listens and switches on the control node; the host of the task is never touched."""

    _VALID_ARGS = frozenset(
        ("step", "description", "reach", "journal", "report", "limit_s", *_NAMES)
    )

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Do one step."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self._task.args
        steps = {"plan": self._plan, "wait": self._wait, "off": self._off}
        step = steps.get(str(args.get("step")))
        if step is None:
            raise AnsibleActionFail(f"picluster_shutdown: step is one of {', '.join(steps)}")
        if not args.get("description") or not self._names("nodes"):
            raise AnsibleActionFail("picluster_shutdown: description and nodes are not given")
        try:
            return result | step()
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error

    def _names(self, option: str) -> tuple[str, ...]:
        names = self._task.args.get(option) or []
        if not isinstance(names, list):
            raise AnsibleActionFail(f"picluster_shutdown: {option} is not a list of names")
        return tuple(map(str, names))

    def _shutdown(self) -> Shutdown:
        args = self._task.args
        plan, journal = read_plan(Path(args["description"])), args.get("journal")
        options = Options(
            limit=self._names("nodes"),
            journal=Path(journal) if journal else None,
            reach=given(args.get("reach") or {}),
        )
        self._report = Path(args.get("report") or report_path(plan, "shutdown"))
        return Shutdown(plan, PowerDesk.of(plan), options)

    def _plan(self) -> dict[str, Any]:
        shutdown = self._shutdown()
        plan = shutdown.prepare()
        return {
            "changed": False,
            "ask": list(plan.ask),
            "lines": plan.lines(shutdown.fleet),
            "plan": plan.plain(),
        }

    def _wait(self) -> dict[str, Any]:
        if self._task.check_mode:
            return {"changed": False, "answering": [], "problems": []}
        try:
            limit_s = float(self._task.args.get("limit_s", 90))
        except ValueError as error:
            raise AnsibleActionFail(f"picluster_shutdown: limit_s: {error}") from error
        found = self._shutdown().wait(self._names("asked"), limit_s)
        return {
            "changed": False,
            "answering": list(found.answering),
            "problems": list(found.problems),
        }

    def _off(self) -> dict[str, Any]:
        shutdown = self._shutdown()
        if self._task.check_mode:
            return {"changed": bool(shutdown.prepare().power.steps), "lines": []}
        asked, unreachable = self._names("asked"), self._names("unreachable")
        report = shutdown.off(Halted(asked, unreachable, self._names("answering")), self._show)
        write_report(self._report, report)
        outcome: dict[str, Any] = {
            "changed": report.switched > 0,
            "report": report.plain(),
            "report_file": str(self._report),
            "lines": report.lines(),
        }
        if report.status != DONE:
            not_off = (f"bank {one.bank}: {one.why}" for one in report.banks if not one.off)
            outcome |= {"failed": True, "msg": "\n".join(["not every bank is off", *not_off])}
        return outcome

    def _show(self, event: Event) -> None:
        """Say what has been switched while the rest goes on."""
        if event.result is not None:
            word = "done" if event.result.done else f"not done: {event.result.problem}"
            step = event.step
            self._display.display(f"{step.outlet} {step.action} ({', '.join(step.loads)}): {word}")

"""Roll a workload out: an adapter over :mod:`picluster.rollout.live`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

try:
    from picluster.campaign.live.artefact import report_path, write_report
    from picluster.campaign.live.connections import given
    from picluster.errors import PiclusterError
    from picluster.interrupt import Interrupts
    from picluster.plan.read import read_plan
    from picluster.rollout.live.rollout import LiveRollout
    from picluster.rollout.options import Options
    from picluster.rollout.prepared import Prepared
    from picluster.rollout.report import CANCELLED, DONE, Outcome, Report
    from picluster.rollout.table import report_lines
    from picluster.rollout.target import Limits
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error

_GIVEN = ("description", "workload", "nodes")
_NUMBERS: dict[str, type] = {"budget": int, "answer_s": float, "board_mib": int, "system_mib": int}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs on the control node; the host of the task is never touched."""

    _VALID_ARGS = frozenset(
        (*_GIVEN, *_NUMBERS, "action", "version", "recheck", "reach", "journal", "report")
    )

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Roll out, or say what would be done."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        for name in _GIVEN:
            if not self._task.args.get(name):
                raise AnsibleActionFail(f"picluster_deploy: {name} is not given")
        try:
            return result | self._run()
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error

    def _run(self) -> dict[str, Any]:
        plan = read_plan(Path(self._task.args["description"]))
        rollout = LiveRollout(plan, self._options(), self._say)
        if self._task.check_mode:
            return _previewed(rollout.prepare())
        with Interrupts(rollout.cancel) as self._signals:
            report = rollout.run()
        file = Path(self._task.args.get("report") or report_path(plan, "deploy"))
        outcome = _outcome(report, file)
        try:
            write_report(file, report)
        except PiclusterError as error:
            why = outcome["msg"].splitlines()[:1] if "msg" in outcome else []
            outcome |= {"failed": True, "msg": "\n".join([*why, str(error)])}
        self._signals.pass_on()
        return outcome

    def _options(self) -> Options:
        args = self._task.args
        if not isinstance(args["nodes"], list):
            raise AnsibleActionFail("picluster_deploy: nodes is not a list of names")
        numbers = {name: self._number(name) for name in _NUMBERS if name in args}
        memory = {n: int(numbers.pop(n)) for n in ("board_mib", "system_mib") if n in numbers}
        journal = args.get("journal")
        return Options(
            action=str(args.get("action") or "deploy"),
            workload=str(args["workload"]),
            version=str(args.get("version") or ""),
            nodes=tuple(map(str, args["nodes"])),
            recheck=bool(boolean(args.get("recheck", False))),
            limits=Limits(**memory),
            journal=Path(journal) if journal else None,
            reach=given(args.get("reach") or {}),
            **numbers,
        )

    def _number(self, name: str) -> Any:
        value = self._task.args[name]
        try:
            return _NUMBERS[name](value)
        except (TypeError, ValueError):
            raise AnsibleActionFail(f"picluster_deploy: {name} is {value!r}, no number") from None

    def _say(self, text: str) -> None:
        """Tell what happens while it happens, and go on no longer than the playbook itself."""
        self._display.display(text)
        self._signals.orphaned()


def _previewed(found: Prepared) -> dict[str, Any]:
    lines = found.lines()
    outcome: dict[str, Any] = {
        "changed": found.changes > 0,
        "lines": lines,
        "preview": found.plain(),
    }
    if found.changes:
        outcome["diff"] = {"before": "", "after": "".join(f"{line}\n" for line in lines)}
    return outcome


def _outcome(report: Report, file: Path) -> dict[str, Any]:
    outcome: dict[str, Any] = {
        "changed": report.counts[Outcome.OK.value] > 0,
        "report": report.plain(),
        "report_file": str(file),
        "lines": report_lines(report),
    }
    if report.status == DONE:
        return outcome
    why = "cancelled" if report.status == CANCELLED else report.stopped or "some boards failed"
    return outcome | {"failed": True, "msg": f"{why}\nsee {file}"}

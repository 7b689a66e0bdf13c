"""Switch and read power outlets: an adapter over :mod:`picluster.power`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

try:
    from picluster.errors import PiclusterError
    from picluster.plan.read import read_plan
    from picluster.power.control import Event
    from picluster.power.desk import PowerDesk
    from picluster.power.driver import StepResult
    from picluster.power.model import Action, PowerPlan
    from picluster.power.plain import plain_plan, plain_reading, plain_result, plan_lines
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error

_ACTIONS = {"on": Action.ON, "off": Action.OFF, "cycled": Action.CYCLE}
_READ = "read"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Plans and switches on the control node; the host of the task is never touched."""

    _VALID_ARGS = frozenset(("description", "state", "targets", "collateral", "cut_servers"))

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Switch, or say what would be switched."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = self._task.args
        state, targets = _state(options.get("state")), _targets(options.get("targets"))
        if not options.get("description"):
            raise AnsibleActionFail("picluster_power: description is not given")
        try:
            desk = PowerDesk.of(read_plan(Path(options["description"])))
            if state == _READ:
                return result | asyncio.run(_read(desk, targets))
            return result | asyncio.run(self._switch(desk, _ACTIONS[state], targets))
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error

    async def _switch(self, desk: PowerDesk, action: Action, targets: list[str]) -> dict[str, Any]:
        selection = desk.select(targets)
        readings = await desk.look(action, selection)
        plan = desk.plan(
            action, selection, readings.values(), cut_servers=self._allows("cut_servers")
        )
        unread = sorted({str(one.problem) for one in readings.values() if one.problem})
        if plan.collateral and not self._allows("collateral"):
            raise AnsibleActionFail(_too_much(plan))
        results: tuple[StepResult, ...] = ()
        if not self._task.check_mode:
            results = await desk.carry_out(plan, self._show)
        return _outcome(plan, results, unread, check_mode=self._task.check_mode)

    def _allows(self, option: str) -> bool:
        return bool(boolean(self._task.args.get(option, False)))

    def _show(self, event: Event) -> None:
        """Say what has been done while the rest goes on."""
        if event.result is not None:
            word = "done" if event.result.done else f"not done: {event.result.problem}"
            step = event.step
            self._display.v(f"{step.outlet} {step.action} ({', '.join(step.loads)}): {word}")


def _state(value: object) -> str:
    """The state asked for; YAML takes a bare ``on`` for true."""
    text = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
    if text not in (*_ACTIONS, _READ):
        known = ", ".join((*_ACTIONS, _READ))
        raise AnsibleActionFail(f"picluster_power: state is {text!r}; it is one of {known}")
    return str(text)


def _targets(value: object) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        raise AnsibleActionFail("picluster_power: targets is not a list of names")
    return [str(name) for name in names]


def _too_much(plan: PowerPlan) -> str:
    return "\n".join(
        [
            f"refused: {len(plan.collateral)} more than was named would lose power",
            *plan.notes,
            "name all of it, or set collateral",
        ]
    )


async def _read(desk: PowerDesk, targets: list[str]) -> dict[str, Any]:
    readings = await desk.read(desk.select(targets).outlets)
    rows = [plain_reading(reading, desk.model) for reading in readings.values()]
    problems = sorted({row["problem"] for row in rows if row["problem"]})
    failed = {"failed": True, "msg": "\n".join(problems)} if problems else {}
    return {"changed": False, "outlets": rows, **failed}


def _outcome(
    plan: PowerPlan, results: tuple[StepResult, ...], unread: list[str], *, check_mode: bool
) -> dict[str, Any]:
    outcome: dict[str, Any] = {
        "changed": bool(plan.steps) if check_mode else any(result.done for result in results),
        "plan": plain_plan(plan),
        "results": [plain_result(result) for result in results],
        "lines": plan_lines(plan),
        "unread": unread,
    }
    missing = [result for result in results if not result.done]
    if missing:
        outcome["failed"] = True
        outcome["msg"] = "\n".join(
            f"{result.step.outlet} ({', '.join(result.step.loads)}): {result.problem}"
            for result in missing
        )
    if check_mode and plan.steps:
        outcome["diff"] = {
            "before": "".join(f"{step.outlet} {step.known}\n" for step in plan.steps),
            "after": "".join(f"{step.outlet} {_after(step.action)}\n" for step in plan.steps),
        }
    return outcome


def _after(action: Action) -> str:
    return {Action.ON: "on", Action.OFF: "off", Action.CYCLE: "off, then on"}[action]

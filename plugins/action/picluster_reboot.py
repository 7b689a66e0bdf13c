"""Reboot boards bank by bank: an adapter over :mod:`picluster.rolling.live`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.constants import config
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

try:
    from picluster.campaign.live.artefact import report_path, write_report
    from picluster.campaign.live.connections import given
    from picluster.errors import PiclusterError, refusal
    from picluster.interrupt import Interrupts
    from picluster.plan.read import read_plan
    from picluster.rolling.live.reboot import Reboot
    from picluster.rolling.options import Options
    from picluster.rolling.report import DONE
    from picluster.rolling.table import report_lines
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error

_NUMBERS: dict[str, type] = {"budget": int, "back_s": float}
_MORE = ("hooks", "force", "drain_failed", "cycle", "campaign", "unreached", "resumes", "why")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Does one step on the control node; the host of the task is never touched."""

    _VALID_ARGS = frozenset(
        ("step", "description", "nodes", "reach", "journal", "report", *_NUMBERS, *_MORE)
    )

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Do the step."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self._task.args
        steps = {
            "plan": self._plan, "begin": self._begin, "undrained": self._undrained,
            "finish": self._finish, "resumed": self._resumed, "unresumed": self._unresumed,
            "report": self._report,
        }  # fmt: skip
        step = steps.get(str(args.get("step")))
        if step is None:
            raise AnsibleActionFail(f"picluster_reboot: step is one of {', '.join(steps)}")
        if not args.get("description"):
            raise AnsibleActionFail("picluster_reboot: description is not given")
        self._facts = task_vars or {}
        try:
            return result | {"changed": False} | step(self._reboot())
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error

    def _reboot(self) -> Reboot:
        args = self._task.args
        self._cluster = read_plan(Path(args["description"]))
        journal = args.get("journal")
        self._signals: Interrupts | None = None
        return Reboot(
            self._cluster, Path(journal) if journal else None, given(args.get("reach") or {}),
            self._say, self._turn,
        )  # fmt: skip

    def _say(self, text: str) -> None:
        """Tell what happens while it happens."""
        self._display.display(text)

    def _turn(self) -> None:
        """Go on no longer than the playbook itself."""
        if self._signals is not None:
            self._signals.orphaned()

    def _nodes(self) -> list[str]:
        nodes = self._task.args.get("nodes")
        if not isinstance(nodes, list):
            raise AnsibleActionFail("picluster_reboot: nodes is not a list of names")
        return [str(name) for name in nodes]

    # ---- the steps

    def _plan(self, reboot: Reboot) -> dict[str, Any]:
        options, nodes = self._options(), self._nodes()
        self._refuse_hooks(options.hooks)
        if self._task.check_mode:
            found = reboot.prepare(options, nodes)
        else:
            found = reboot.start(options, nodes, os.getppid())
            self._refuse_hooks(reboot.hooks)
        lines = found.lines()
        told: dict[str, Any] = {"lines": lines, "preview": found.plain(), "batches": []}
        if self._task.check_mode:
            told["changed"] = found.changes > 0
            told["diff"] = {"before": "", "after": "".join(f"{line}\n" for line in lines)}
        else:
            told["batches"] = [list(batch.boards) for batch in found.batches]
        return told

    def _begin(self, reboot: Reboot) -> dict[str, Any]:
        begun = reboot.begin(self._nodes())
        # whoever ends the playbook from now on finds in it what was open
        write_report(self._file(), reboot.report())
        return {"go": begun.go, "ask": list(begun.ask), "hooks": list(begun.hooks)}

    def _undrained(self, reboot: Reboot) -> dict[str, Any]:
        reboot.undrained(self._why())
        return {}

    def _finish(self, reboot: Reboot) -> dict[str, Any]:
        unreached = self._task.args.get("unreached") or {}
        if not isinstance(unreached, Mapping):
            raise AnsibleActionFail("picluster_reboot: unreached is not a dictionary")
        with Interrupts(reboot.cancel) as self._signals:
            found = reboot.finish({str(name): str(why) for name, why in unreached.items()})
        report = reboot.report()
        write_report(self._file(), report)
        self._signals.pass_on()
        resumes = [{"hook": hook, "nodes": names} for hook, names in found]
        return {"changed": True, "resumes": resumes}

    def _resumed(self, reboot: Reboot) -> dict[str, Any]:
        found = self._task.args.get("resumes") or []
        reboot.resumed([(one["hook"], one["nodes"]) for one in found])
        return {}

    def _unresumed(self, reboot: Reboot) -> dict[str, Any]:
        reboot.unresumed(self._why())
        return {}

    def _report(self, reboot: Reboot) -> dict[str, Any]:
        report, file = reboot.end(), self._file()
        write_report(file, report)
        outcome: dict[str, Any] = {
            "report": report.plain(), "report_file": str(file), "lines": report_lines(report)
        }  # fmt: skip
        if report.status != DONE:
            why = report.stopped or "some boards have not rebooted into their image"
            outcome |= {"failed": True, "msg": f"{why}\nsee {file}"}
        return outcome

    # ---- what they are told

    def _options(self) -> Options:
        args = self._task.args
        hooks = args.get("hooks") or []
        names = hooks.split(",") if isinstance(hooks, str) else hooks
        if not isinstance(names, list) or not isinstance(args.get("campaign") or {}, Mapping):
            raise AnsibleActionFail("picluster_reboot: hooks is a list, campaign a dictionary")
        return Options(
            hooks=tuple(str(name).strip() for name in names if str(name).strip()),
            force=bool(boolean(args.get("force", False))),
            drain_failed=str(args.get("drain_failed") or "stop"),
            cycle=bool(boolean(args.get("cycle", True))),
            campaign=dict(args.get("campaign") or {}),
            **{name: self._number(name) for name in _NUMBERS if name in args},
        )

    def _number(self, name: str) -> Any:
        value = self._task.args[name]
        try:
            return _NUMBERS[name](value)
        except (TypeError, ValueError):
            raise AnsibleActionFail(f"picluster_reboot: {name} is {value!r}, no number") from None

    def _refuse_hooks(self, hooks: Any) -> None:
        """Refuse hooks that are not there, before anything is drained."""
        roots = [Path(str(self._facts.get("playbook_dir", ".")), "roles")]
        roots += map(Path, config.get_config_value("DEFAULT_ROLES_PATH"))
        for hook in hooks:
            for name in ("drain", "resume"):
                file = Path(f"workload_{hook}", "tasks", f"{name}.yml")
                if not any((root / file).is_file() for root in roots):
                    raise refusal(f"hook {hook}: no {file} in a folder of roles", "docs/rolling.md")

    def _why(self) -> str:
        return str(self._task.args.get("why") or "no reason was given")

    def _file(self) -> Path:
        return Path(self._task.args.get("report") or report_path(self._cluster, "reboot"))

"""Say which boards are ready: an adapter over :mod:`picluster.campaign.live.status`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

try:
    from picluster.campaign.live.campaign import Options
    from picluster.campaign.live.connections import given
    from picluster.errors import PiclusterError, refusal, shown
    from picluster.plan.read import read_plan
    from picluster.rolling.live.look import ready_boards
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error


class ActionModule(ActionBase):  # type: ignore[misc]
    """Asks the boot servers on the control node; the host of the task is never touched."""

    _VALID_ARGS = frozenset(("description", "nodes", "reach", "journal"))

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Look at the boards."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self._task.args
        nodes, journal = args.get("nodes"), args.get("journal")
        if not args.get("description") or not isinstance(nodes, list):
            raise AnsibleActionFail("picluster_boards: description and a list nodes are not given")
        try:
            plan = read_plan(Path(args["description"]))
            known = {node.name for node in plan.nodes}
            unknown = [str(name) for name in nodes if name not in known]
            if unknown:
                raise refusal(f"no node is called {shown(unknown[0])[1:-1]}", "see picluster plan")
            options = Options(
                journal=Path(journal) if journal else None, reach=given(args.get("reach") or {})
            )
            ready, absent = ready_boards(plan, [str(name) for name in nodes], options)
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error
        return result | {"changed": False, "ready": ready, "absent": absent}

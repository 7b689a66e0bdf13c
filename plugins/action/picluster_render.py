"""Place a configuration rendered from the plan: an adapter over :mod:`picluster.render`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

try:
    from picluster.errors import PiclusterError
    from picluster.plan.read import read_plan
    from picluster.render.configuration import render, render_known_hosts
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error

if TYPE_CHECKING:
    from picluster.plan.model import AddressPlan

_OWN = ("kind", "variant", "description", "server", "authorities")
_COPY = ("dest", "owner", "group", "mode", "validate", "backup")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Renders on the control node, then lets ``copy`` do the rest: check, diff, validate."""

    TRANSFERS_FILES = True
    _VALID_ARGS = frozenset(_OWN + _COPY)

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Render and place the file."""
        super().run(tmp, task_vars)
        options = self._task.args
        for name in ("kind", "description", "dest"):
            if not options.get(name):
                raise AnsibleActionFail(f"picluster_render: {name} is not given")
        text = self._render(options)
        handle, name = tempfile.mkstemp(prefix="picluster-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            return self._copy(name, options, task_vars or {})
        finally:
            Path(name).unlink()

    def _render(self, options: dict[str, Any]) -> str:
        try:
            plan = read_plan(Path(options["description"]))
            if options.get("authorities") is not None:
                return self._known_hosts(plan, options)
            return render(
                plan, options["kind"], options.get("variant") or "", options.get("server") or ""
            )
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error

    def _known_hosts(self, plan: AddressPlan, options: dict[str, Any]) -> str:
        if options["kind"] != "known_hosts":
            raise AnsibleActionFail("picluster_render: authorities are for kind: known_hosts")
        if not isinstance(options["authorities"], dict):
            raise AnsibleActionFail("picluster_render: authorities are public keys by boot server")
        return render_known_hosts(plan, options["authorities"])

    def _copy(
        self, source: str, options: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        task = self._task.copy()
        task.args = {key: options[key] for key in _COPY if options.get(key) is not None}
        task.args["src"] = source
        copy = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.copy",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result: dict[str, Any] = copy.run(task_vars=task_vars)
        return result

"""Bring a version of a workload to a boot server: an adapter over :mod:`picluster.rollout.pack`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

try:
    from picluster.errors import PiclusterError
    from picluster.rollout.pack import Packed, Parts, pack
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error

MODULE = "workload_deliver"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Packs on the control node, and transfers only what the server lacks."""

    TRANSFERS_FILES = True
    _VALID_ARGS = frozenset(
        ("name", "version", "source", "files", "share", "conf", "settings", "export_root")
    )

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Deliver the version unless it is there."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        for name in ("name", "version", "source", "export_root"):
            if not self._task.args.get(name):
                raise AnsibleActionFail(f"workload_deliver: {name} is not given")
        try:
            with tempfile.TemporaryDirectory(prefix="picluster-") as folder:
                packed = self._pack(Path(folder, "workload.tar"))
                return result | self._deliver(packed, task_vars or {})
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _pack(self, archive: Path) -> Packed:
        args = self._task.args
        more = {key: self._dictionary(key) for key in ("files", "share", "conf", "settings")}
        paths = {
            key: {name: Path(str(path)) for name, path in more.pop(key).items()}
            for key in ("files", "share")
        }
        parts = Parts(Path(args["source"]), **paths, **more)
        return pack(str(args["name"]), str(args["version"]), parts, archive)

    def _dictionary(self, key: str) -> dict[str, Any]:
        value = self._task.args.get(key) or {}
        if not isinstance(value, dict):
            raise AnsibleActionFail(f"workload_deliver: {key} is no dictionary")
        return {str(name): one for name, one in value.items()}

    def _deliver(self, packed: Packed, facts: dict[str, Any]) -> dict[str, Any]:
        options = {
            "name": packed.workload,
            "version": packed.version,
            "digest": packed.digest,
            "export_root": self._task.args["export_root"],
        }
        look = self._module(options, facts)
        if look.get("failed") or not look.get("lacking") or self._task.check_mode:
            return look
        remote = self._connection._shell.join_path(self._make_tmp_path(), "workload.tar")
        self._transfer_file(str(packed.archive), remote)
        return self._module({**options, "src": remote}, facts)

    def _module(self, options: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=options, task_vars=facts
        )
        return answer

"""Bring a version of a workload to a boot server: an adapter over :mod:`picluster.rollout.pack`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

try:
    from picluster.campaign.live.campaign import state_folder
    from picluster.errors import PiclusterError
    from picluster.rollout.pack import Packed, Parts, pack
    from picluster.rollout.secret import salt_key, salt_of
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error

MODULE = "workload_deliver"
_WORDS = ("name", "version", "source", "export_root")
_FILES = ("files", "share", "secrets")
_VALUES = ("conf", "settings")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Packs on the control node, and transfers only what the server lacks."""

    TRANSFERS_FILES = True
    _VALID_ARGS = frozenset((*_WORDS, *_FILES, *_VALUES))

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Deliver the version unless it is there."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        for name in _WORDS:
            if not self._task.args.get(name):
                raise AnsibleActionFail(f"workload_deliver: {name} is not given")
        if self._task.check_mode and (missing := self._missing_secrets()):
            self._display.warning(f"workload_deliver: not there yet: {', '.join(missing)}")
            return result | {"changed": True, "version": str(self._task.args["version"])}
        try:
            with tempfile.TemporaryDirectory(prefix="picluster-") as folder:
                packed = self._pack(Path(folder, "workload.tar"))
                return result | self._deliver(packed, task_vars or {})
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _missing_secrets(self) -> list[str]:
        """Files that an earlier task of the play would have made."""
        return [str(path) for path in self._paths("secrets").values() if not path.exists()]

    def _paths(self, key: str) -> dict[str, Path]:
        given = self._dictionary(key)
        return {name: Path(str(path)).expanduser() for name, path in given.items()}

    def _pack(self, archive: Path) -> Packed:
        args = self._task.args
        name, version = str(args["name"]), str(args["version"])
        paths = {key: self._paths(key) for key in _FILES}
        salt = b""
        if paths["secrets"]:
            salt = salt_of(salt_key(state_folder() / "salt"), name, version)
        values = {key: self._dictionary(key) for key in _VALUES}
        parts = Parts(Path(args["source"]), **paths, **values, salt=salt)
        return pack(name, version, parts, archive)

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

"""Check files of the control node: an adapter over :mod:`picluster.artefact`."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

try:
    from picluster.artefact import Artefact, check_artefacts
    from picluster.errors import PiclusterError
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error


class ActionModule(ActionBase):  # type: ignore[misc]
    """Reads, and changes nothing."""

    _VALID_ARGS = frozenset(("files", "most_mib"))

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Check the files."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        most = self._task.args.get("most_mib")
        try:
            size = check_artefacts(self._files(), None if most is None else int(most) << 20)
        except (TypeError, ValueError) as error:
            raise AnsibleActionFail(f"artefact_check: {error}") from error
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error
        return result | {"changed": False, "bytes": size}

    def _files(self) -> list[Artefact]:
        files = self._task.args.get("files")
        if not isinstance(files, list) or not all(isinstance(one, dict) for one in files):
            raise AnsibleActionFail("artefact_check: files is no list of dictionaries")
        return [Artefact(**{str(k): str(v) for k, v in one.items()}) for one in files]

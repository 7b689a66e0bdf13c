"""Build an MPI program on the control node: an adapter over :mod:`picluster.mpi.build`."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

try:
    from picluster.errors import PiclusterError
    from picluster.mpi.build import build_program
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error


class ActionModule(ActionBase):  # type: ignore[misc]
    """Builds into the temporary folder of Ansible's run, which removes it at its end."""

    _VALID_ARGS = frozenset(("source", "compiler"))

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Compile and link."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self._task.args
        if not args.get("source"):
            raise AnsibleActionFail("mpi_program: source is not given")
        folder = tempfile.mkdtemp(prefix="picluster-mpi-", dir=str(constants.DEFAULT_LOCAL_TMP))
        source, compiler = Path(str(args["source"])), str(args.get("compiler") or "mpicc -O2")
        try:
            program = build_program(source, compiler, Path(folder))
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error
        digest = hashlib.sha256(program.read_bytes()).hexdigest()
        return result | {
            "changed": False, "name": program.name, "program": str(program), "sha256": digest
        }  # fmt: skip

"""Make a random secret on the control node once: an adapter over :mod:`picluster.private`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

try:
    from picluster.errors import PiclusterError
    from picluster.private import make_once, read_private
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error

#: Fewer random bytes can be guessed.
_LEAST, _MOST = 16, 1024


class ActionModule(ActionBase):  # type: ignore[misc]
    """Nothing of the secret is in its result."""

    _VALID_ARGS = frozenset(("path", "bytes", "format"))

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make the file unless it is there."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self._task.args
        path = Path(str(args.get("path") or "")).expanduser()
        kind, count = str(args.get("format") or "hex"), str(args.get("bytes") or 32)
        if not path.is_absolute():
            raise AnsibleActionFail(f"control_secret: path {str(path)!r} does not begin with /")
        if kind not in ("hex", "bytes"):
            raise AnsibleActionFail(f"control_secret: format {kind!r} is not bytes or hex")
        if not count.isascii() or not count.isdecimal() or not _LEAST <= int(count) <= _MOST:
            raise AnsibleActionFail(f"control_secret: bytes {count!r}: from {_LEAST} to {_MOST}")
        try:
            return result | {"changed": self._make(path, int(count), kind), "path": str(path)}
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error

    def _make(self, path: Path, count: int, kind: str) -> bool:
        if self._task.check_mode and not path.exists():
            return True
        content = os.urandom(count)
        made = make_once(path, content.hex().encode() if kind == "hex" else content)
        read_private("the secret", path)
        return made

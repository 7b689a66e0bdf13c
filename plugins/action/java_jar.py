"""Build a jar on the control node with its JDK; the same source gives the same bytes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

_LIMIT_S = 120
#: A moment a zip file can hold; the same for every entry.
_DATE = "1980-01-01T00:00:02Z"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Builds into the temporary folder of Ansible's run, which removes it at its end."""

    _VALID_ARGS = frozenset(("source", "main_class", "release"))

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Compile and pack."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self._task.args
        for name in ("source", "main_class"):
            if not args.get(name):
                raise AnsibleActionFail(f"java_jar: {name} is not given")
        sources = sorted(Path(args["source"]).glob("*.java"))
        if not sources:
            raise AnsibleActionFail(f"java_jar: {args['source']} holds no .java file")
        for program in ("javac", "jar"):
            if shutil.which(program) is None:
                raise AnsibleActionFail(
                    f"{program} is not installed on the control node: install a JDK of version 17 "
                    "or later there, or name a jar that is built"
                )
        jar = self._build(sources, str(args["main_class"]), str(args.get("release") or 11))
        digest = hashlib.sha256(jar.read_bytes()).hexdigest()
        return result | {"changed": False, "jar": str(jar), "sha256": digest}

    def _build(self, sources: list[Path], main_class: str, release: str) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="picluster-jar-", dir=self._loader_tmp()))
        classes, jar = folder / "classes", folder / f"{main_class}.jar"
        self._do(["javac", "--release", release, "-encoding", "UTF-8", "-d", str(classes),
                  *map(str, sources)])  # fmt: skip
        self._do(["jar", "--create", f"--date={_DATE}", "--file", str(jar), "--main-class",
                  main_class, "-C", str(classes), "."])  # fmt: skip
        return jar

    @staticmethod
    def _loader_tmp() -> str:
        from ansible import constants  # noqa: PLC0415 - known when Ansible runs

        return str(constants.DEFAULT_LOCAL_TMP)

    @staticmethod
    def _do(words: list[str]) -> None:
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise AnsibleActionFail(f"{words[0]} took more than {_LIMIT_S} s") from None
        if done.returncode:
            raise AnsibleActionFail(f"{words[0]} failed: {done.stderr.strip()[-800:]}")

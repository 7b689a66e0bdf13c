"""Follow a build of an image: pack the files for it, start it, show how far it is."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

MODULE = "image_build"
PACKAGE = Path(__file__).resolve().parents[1] / "module_utils" / "image_build"
#: A build is far from it even on a slow builder; it ends by itself when it cannot go on.
LIMIT_S = 7200
#: How often the builder is asked, and after how long a silence whether the build still runs.
POLL_S = 2.0
SILENCE_S = 30.0
END = "end"
#: Seconds from the last line to the result: what a failed build made is removed meanwhile.
END_S = 300

display = Display()


class ActionModule(ActionBase):  # type: ignore[misc]
    """Looks first, builds only what is not there, and shows each line of progress."""

    TRANSFERS_FILES = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Build the version unless it is there."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        facts = task_vars or {}
        archive, digest = pack(self._sources())
        options = {**self._task.args, "trees_sha256": digest, "recipe": recipe(PACKAGE)}
        look = self._module({**options, "phase": "look"}, facts)
        if look.get("failed") or look.get("exists") or self._task.check_mode:
            return result | look | {"changed": not look.get("failed") and not look.get("exists")}
        self._host = facts.get("inventory_hostname", "builder")
        given = self._connection._shell.tmpdir
        place = self._make_tmp_path()
        # The job removes the directory it is given at its end; this one is the reader's.
        self._connection._shell.tmpdir = given
        try:
            return result | self._build(options, archive, look["version"], place, facts)
        finally:
            self._remove_tmp_path(place, force=True)

    def _sources(self) -> list[tuple[Path, str]]:
        trees = self._task.args.get("trees") or []
        return [
            (Path(self._find_needle("files", tree["src"])), str(tree["dest"])) for tree in trees
        ]

    def _module(self, options: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=options, task_vars=facts
        )
        return answer

    def _build(
        self,
        options: dict[str, Any],
        archive: bytes,
        version: str,
        place: str,
        facts: dict[str, Any],
    ) -> dict[str, Any]:
        """Start the build in the background of the builder and follow it to its end."""
        remote = self._connection._shell.join_path(place, "trees.tar")
        progress = self._connection._shell.join_path(place, "progress")
        with tempfile.NamedTemporaryFile(prefix="picluster-") as local:
            local.write(archive)
            local.flush()
            self._transfer_file(local.name, remote)
        self._say(f"builds {version}")
        job = self._start({**options, "archive": remote, "progress": progress}, facts)
        if "ansible_job_id" not in job:
            return job
        self._follow(progress, job["ansible_job_id"], facts)
        return self._status(job["ansible_job_id"], facts)

    def _start(self, options: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        self._task.async_val = LIMIT_S
        try:
            answer: dict[str, Any] = self._execute_module(
                module_name=MODULE, module_args=options, task_vars=facts, wrap_async=True
            )
        finally:
            # Or the executor would wait for a job of its own.
            self._task.async_val = 0
        return answer

    def _follow(self, progress: str, job: str, facts: dict[str, Any]) -> None:
        """Show the lines of the progress file until it ends."""
        seen, heard = 0, time.monotonic()
        end = heard + LIMIT_S
        while time.monotonic() < end:
            time.sleep(POLL_S)
            command = f"tail -n +{seen + 1} {self._connection._shell.quote(progress)}"
            answer = self._low_level_execute_command(command, sudoable=True)
            # Behind a terminal what went wrong comes by the same way as the lines.
            lines = answer["stdout_lines"] if answer["rc"] == 0 else []
            for line in lines:
                if line == END:
                    return
                self._say(line)
            seen += len(lines)
            if lines:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_S:
                # A killed build says nothing more; one that waits for a disk goes on.
                if self._job(job, facts).get("finished"):
                    return
                heard = time.monotonic()

    def _status(self, job: str, facts: dict[str, Any]) -> dict[str, Any]:
        """Give the result of the build, which comes right after its last line."""
        for _ in range(END_S):
            answer = self._job(job, facts)
            if answer.get("finished"):
                self._job(job, facts, mode="cleanup")
                hidden = ("ansible_job_id", "started", "finished", "results_file")
                kept = {key: value for key, value in answer.items() if key not in hidden}
                if "version" not in kept and not kept.get("msg"):
                    kept |= {"failed": True, "msg": "the build ended without a result"}
                return kept
            time.sleep(1)
        return {"failed": True, "msg": f"job {job} does not end; run the playbook again"}

    def _job(self, job: str, facts: dict[str, Any], mode: str = "status") -> dict[str, Any]:
        """Ask for a job as the action async_status does, which needs a task of its own."""
        folder = self.get_shell_option("async_dir", default="~/.ansible_async")
        answer: dict[str, Any] = self._execute_module(
            module_name="ansible.legacy.async_status",
            module_args={"jid": job, "mode": mode, "_async_dir": folder},
            task_vars=facts,
        )
        return answer

    def _say(self, line: str) -> None:
        display.display(f"    [{self._host}] image: {line}")


def pack(sources: list[tuple[Path, str]]) -> tuple[bytes, str]:
    """Pack directories into one archive, the same bytes for the same files.

    Args:
        sources: each directory and where its files belong in the image.

    Returns:
        The archive and its SHA-256.

    Raises:
        AnsibleActionFail: one of them is no directory, or holds anything but plain files.
    """
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for source, dest in sources:
            if not source.is_dir():
                raise AnsibleActionFail(f"{source} is no directory")
            for path in sorted(source.rglob("*")):
                if path.is_dir() and not path.is_symlink():
                    continue
                if path.is_symlink() or not path.is_file():
                    raise AnsibleActionFail(f"{path} is no plain file")
                name = (Path("/", dest) / path.relative_to(source)).relative_to("/")
                entry = tarfile.TarInfo(str(name))
                content = path.read_bytes()
                entry.size = len(content)
                entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                archive.addfile(entry, io.BytesIO(content))
    return data.getvalue(), hashlib.sha256(data.getvalue()).hexdigest()


def recipe(package: Path) -> str:
    """Give a digest of the code that builds: other code may make another image of the same."""
    digest = hashlib.sha256()
    for path in sorted(package.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()

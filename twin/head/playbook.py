"""Run a playbook of the project on a head, as its user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picluster.errors import refusal
from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from twin.head.kind import AnyHead

TIMEOUT_S = 900


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of ``ansible-playbook`` did.

    Attributes:
        status: exit status.
        seconds: wall time.
        plays: plays with their tasks and results, as the ``ansible.posix.json`` callback gives
            them; empty when Ansible ended before the first.
        stats: counts by host: ``ok changed unreachable failures skipped rescued ignored``.
        output: what could not be read as such, and standard error.
    """

    status: int
    seconds: float
    plays: list[dict[str, Any]] = field(default_factory=list)
    stats: dict[str, dict[str, int]] = field(default_factory=dict)
    output: str = ""

    def results(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Task name, host and result, in order."""
        for play in self.plays:
            for task in play["tasks"]:
                for host, result in task["hosts"].items():
                    yield task["task"]["name"], host, result

    def changed(self) -> list[str]:
        """Names of the tasks that changed something."""
        return [name for name, _, result in self.results() if result.get("changed")]

    def failures(self) -> list[str]:
        """``task: message`` of each failure that was not rescued or ignored by the playbook."""
        return [
            f"{name}: {_message(result)}"
            for name, _, result in self.results()
            if (result.get("failed") or result.get("unreachable"))
            and not result.get("ignore_errors")
        ]

    def tasks(self) -> int:
        """Number of tasks that were run or skipped."""
        return sum(len(play["tasks"]) for play in self.plays)

    def explain(self) -> str:
        """What a person needs to see when it should not have ended so."""
        return "\n".join([f"status {self.status}", *self.failures(), self.output[-3000:]])


def _message(result: dict[str, Any]) -> str:
    failed = [item for item in result.get("results", ()) if item.get("failed")]
    words = [result.get("msg"), *(item.get("msg") for item in failed), result.get("stderr")]
    return " | ".join(str(word) for word in words if word)


def command_line(
    head: AnyHead, cluster: Path, playbook: str | Path, *args: str
) -> tuple[list[str], dict[str, str]]:
    """The command that runs a playbook on a head, and its environment.

    Args:
        head: a head that is up.
        cluster: the cluster's inventory, a folder.
        playbook: path, relative to the source tree or absolute.
        args: more arguments of ``ansible-playbook``.
    """
    program = Path(sys.executable).with_name("ansible-playbook")
    words = [str(program), "-i", str(cluster), "-i", str(head.inventory), str(TREE / playbook)]
    # Tools of the same environment come first: ansible-playbook looks for its kin on the path.
    path = os.pathsep.join([str(program.parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "ANSIBLE_CONFIG": str(TREE / "ansible.cfg")}
    return [*words, *args], environment


def play(
    head: AnyHead,
    cluster: Path,
    playbook: str | Path = "site.yml",
    args: Sequence[str] = (),
    *,
    timeout_s: float = TIMEOUT_S,
) -> Outcome:
    """Run a playbook to its end and give the result of each task.

    Raises:
        PiclusterError: it took longer than ``timeout_s``.
    """
    words, environment = command_line(head, cluster, playbook, *args)
    environment |= {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_NOCOLOR": "1"}
    start = time.monotonic()
    try:
        done = subprocess.run(
            words,
            env=environment,
            cwd=TREE,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        raise refusal(f"{playbook} did not end within {timeout_s:.0f} s") from error
    seconds = time.monotonic() - start
    before, brace, rest = done.stdout.partition("{\n")
    try:
        document, end = json.JSONDecoder().raw_decode(brace + rest)
    except ValueError:
        return Outcome(done.returncode, seconds, output=done.stdout + done.stderr)
    output = before + (brace + rest)[end:] + done.stderr
    return Outcome(done.returncode, seconds, document["plays"], document["stats"], output)

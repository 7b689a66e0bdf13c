"""A campaign against a live twin, by the command a user gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picluster.campaign.settings import Timeouts
from picluster.errors import refusal
from twin.cluster.passwords import environment
from twin.cluster.truth import Verdict, judge
from twin.head.places import TREE

if TYPE_CHECKING:
    from twin.cluster.twin import LiveTwin

#: Two processors serve boot files about as fast as such a link: banks overlap, and do not collide.
LINK_MBIT = 400


def boot(twin: LiveTwin, folder: Path, *args: str, quiet: bool = False) -> dict[str, Any]:
    """Run ``picluster boot`` to its end, with a journal of its own.

    Args:
        twin: the twin, up.
        folder: gets journal and report; those of an earlier campaign are removed.
        args: more arguments.
        quiet: show nothing of it.

    Returns:
        The report, plain data.

    Raises:
        PiclusterError: it was refused or interrupted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.json"
    for left in (report, *folder.glob("journal.db*")):
        left.unlink(missing_ok=True)
    program = Path(sys.executable).with_name("picluster")
    words = [str(program), "boot", "-i", str(twin.inventory)]
    words += ["--journal", str(folder / "journal.db"), "--report", str(report)]
    words += ["--link-mbit", str(LINK_MBIT), *args]
    done = subprocess.run(
        words, cwd=TREE, check=False, capture_output=quiet, text=True,
        env={**os.environ, **environment(twin.plan.cluster)},
    )  # fmt: skip
    if done.returncode not in (0, 3) or not report.exists():
        said = (done.stderr or "").strip()[-400:]
        raise refusal(f"picluster boot ended with status {done.returncode} {said}".rstrip())
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def down_of(report: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Stage and cause of each board that a report does not call ready."""
    return {row["name"]: (row["stage"], row["key"]) for row in report["down"]}


def verdict_of(twin: LiveTwin, report: dict[str, Any]) -> Verdict:
    """The report held against the truth, as it is now."""
    boards = twin.truth.boards().values()
    return judge(boards, down_of(report), heartbeat_s=Timeouts().heartbeat)

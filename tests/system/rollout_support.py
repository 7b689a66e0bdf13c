"""Roll-outs among the boards of a twin, as a person starts them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boards_support import run

from picluster.rollout.pack import Parts, pack

if TYPE_CHECKING:
    import subprocess

    from twin.cluster import LiveTwin


class Rollouts:
    """See the module.

    Args:
        twin: the twin, up.
        folder: place for reports and a journal.
    """

    def __init__(self, twin: LiveTwin, folder: Path) -> None:
        self.twin = twin
        self.folder = folder

    def command(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Run ``picluster deploy`` or ``undeploy``; its status and report."""
        program = str(Path(sys.executable).with_name("picluster"))
        report = self.folder / "report.json"
        report.unlink(missing_ok=True)
        words = (*words, "-i", str(self.twin.inventory), "--answer-s", "12")
        files = ("--report", str(report), "--journal", str(self.folder / "journal.db"))
        done = run([program, *words, *files])
        print(done.stdout, done.stderr, file=sys.stderr)
        found = json.loads(report.read_text()) if report.exists() else {"error": done.stderr}
        return done.returncode, found

    def playbook(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook on the twin."""
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        journal = f"rollout_journal={self.folder / 'journal.db'}"
        report = f"rollout_report={self.folder / 'report.json'}"
        words = ("-i", str(self.twin.inventory), "-e", "workload=example", *words)
        done = run(
            [program, f"playbooks/{name}.yml", *words, "-e", f"{journal} {report}"], timeout_s=600
        )
        print(done.stdout[-4000:], done.stderr, file=sys.stderr)
        return done

    def deliver(self, folder: Path, version: str) -> None:
        """Bring another version to the head, as the module does."""
        archive = self.folder / "workload.tar"
        pack("example", version, Parts(folder, settings={"GREETING": version}), archive)
        target = self.store / "artefacts" / "example" / version
        target.mkdir()
        shutil.unpack_archive(archive, target, filter="tar")

    def report(self) -> dict[str, Any]:
        """The last report of a playbook."""
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found

    def greeting(self, name: str) -> str:
        """What the workload of a board has written on the board's own disk."""
        return self.on(name, "cat /var/lib/picluster/work/example/data/greeting 2>/dev/null")

    def on(self, name: str, script: str) -> str:
        """Run a shell script on a board; what it prints."""
        program = str(Path(sys.executable).with_name("ansible"))
        words = [program, "-i", str(self.twin.inventory), name, "-m", "ansible.builtin.shell"]
        return run([*words, "-a", f"{script} || true"]).stdout.partition(">>\n")[2].strip()

    def heard(self, name: str) -> dict[str, Any]:
        """What the boot server knows of a board's workloads."""
        address = self.twin.truth.boards()[name].address
        path = f"/run/picluster/works/{address}.json"
        text = self.twin.head.exec(["sh", "-c", f"cat {path} 2>/dev/null || echo '{{}}'"])
        works: dict[str, Any] = json.loads(text).get("works", {})
        return works

    def state(self, name: str, workload: str) -> str:
        """How a workload is on a board, as it said last."""
        return str(self.heard(name).get(workload, {}).get("state", ""))

    def assigned(self, bank: int) -> str:
        """The file of a bank."""
        return self.store.joinpath("assigned", f"bank_{bank}").read_text()

    @property
    def store(self) -> Path:
        """What the head keeps for workloads."""
        return self.twin.head.exports / "export" / "workloads"


def counts(report: dict[str, Any]) -> dict[str, int]:
    """Boards by outcome."""
    return {name: count for name, count in report["counts"].items() if count}


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    """Outcome by board."""
    return {board["name"]: board["outcome"] for board in report["boards"]}

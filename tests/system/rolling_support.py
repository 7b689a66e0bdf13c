"""Rolling operations on the boards of a twin, as a person starts them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boards_support import run

from picluster.cluster.load import find_description
from picluster.plan.read import read_plan
from picluster.rolling.live.look import STATES
from twin.head.places import TREE

if TYPE_CHECKING:
    from twin.cluster import LiveTwin

HERE = Path(__file__).parent
#: Of the campaign that looks after boards that did not come back.
QUICK = {"powered": 30, "dhcp": 15, "tftp": 30, "kernel": 25, "nfs": 35, "up": 15, "boot": 180}


class Rolling:
    """See the module.

    Args:
        twin: the twin, up.
        folder: place for reports, a journal and the hook's log.
        version: image that the boards run.
    """

    def __init__(self, twin: LiveTwin, folder: Path, version: str) -> None:
        self.twin = twin
        self.folder = folder
        self.version = version
        self.plan = read_plan(find_description(twin.inventory))
        self.log = folder / "probe.log"

    def new_image(self, name: str) -> str:
        """Another version with the same files, that says its own name; every bank boots it next."""
        images = self.twin.head.exports / "tftp" / "images"
        shutil.copytree(images / self.version, images / name)
        cmdline = images / name / "cmdline.txt"
        text = cmdline.read_text()
        cmdline.unlink()
        cmdline.write_text(
            text.replace(f"picluster.image={self.version} ", f"picluster.image={name} ")
        )
        for node in self.plan.nodes:
            link = self.twin.head.exports / "tftp" / "nodes" / node.address
            link.unlink()
            link.symlink_to(f"../images/{name}")
        return name

    def words(self, *words: str, **variables: object) -> list[str]:
        """The command line of the playbook."""
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        own = {
            "reboot_journal": str(self.folder / "journal.db"),
            "reboot_report": str(self.folder / "reboot.json"),
            "probe_log": str(self.log),
            "reboot_back_s": 40,
            "reboot_campaign": {"max_attempts": 1, "quorum": 0.1, "timeouts": QUICK},
        }
        more = ["-e", json.dumps({**own, **variables})]
        return [program, "playbooks/reboot.yml", "-i", str(self.twin.inventory), *words, *more]

    def playbook(self, *words: str, **variables: object) -> subprocess.CompletedProcess[str]:
        """Run the playbook; the hooks' log begins anew."""
        self.log.unlink(missing_ok=True)
        done = run(["env", f"ANSIBLE_ROLES_PATH={roles()}", *self.words(*words, **variables)])
        print(done.stdout[-8000:], done.stderr, file=sys.stderr)
        return done

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``picluster``."""
        program = str(Path(sys.executable).with_name("picluster"))
        name, *more = words
        where = [program, name, "-i", str(self.twin.inventory)]
        done = run(["env", f"ANSIBLE_ROLES_PATH={roles()}", *where, *more])
        print(done.stdout[-8000:], done.stderr[-4000:], file=sys.stderr)
        return done

    def report(self) -> dict[str, Any]:
        """The last report."""
        found: dict[str, Any] = json.loads((self.folder / "reboot.json").read_text())
        return found

    def hooked(self) -> list[str]:
        """What the hook was asked for."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def said(self, name: str) -> tuple[str, str]:
        """Boot id and image of a board, as it said last."""
        address = self.twin.truth.boards()[name].address
        found = json.loads(self.twin.head.exec(["cat", f"{STATES}/{address}.json"]))
        return found["boot"], found["image"]

    def halts(self, name: str) -> None:
        """Let a board halt when it is asked to reboot."""
        program = str(Path(sys.executable).with_name("ansible"))
        halt = "cp /usr/local/sbin/poweroff /usr/local/sbin/reboot"
        words = [program, "-i", str(self.twin.inventory), name, "-m", "ansible.builtin.raw"]
        assert run([*words, "-a", halt]).returncode == 0


def roles() -> str:
    """The project's roles, and the tests' own."""
    return os.pathsep.join([str(TREE / "roles"), str(HERE / "roles")])


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    """Outcome by board."""
    return {board["name"]: board["outcome"] for board in report["boards"]}

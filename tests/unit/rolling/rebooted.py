"""A cluster whose boot server is a program, and whose boards are files there."""

from __future__ import annotations

import json
from pathlib import Path

from picluster.plan.read import read_plan
from picluster.rolling.live.keeper import release
from picluster.rolling.live.reboot import Reboot
from picluster.rolling.record import record_path
from tests.conftest import MakeDescription
from tests.unit.campaign.head_servers import FakeServer

OLD, NEW = "0" * 16, "1" * 16
NAMES = ("pi-1-1", "pi-1-2", "pi-2-1", "pi-2-2")


class Place:
    """Two banks of two boards behind one boot server."""

    def __init__(self, folder: Path, make: MakeDescription) -> None:
        self.folder = folder
        self.server = FakeServer(folder)
        rows = "".join(f"{b},{s},b8:27:eb:00:0{b}:0{s}\n" for b in (1, 2) for s in (1, 2))
        self.path = make(
            registry=f"bank,slot,mac\n{rows}", switches=None, image="current", canary_bank=2,
            banks=[{"number": n, "size": 2} for n in (1, 2)], boot={"tftp_root": str(folder)},
        )  # fmt: skip
        self.plan = read_plan(self.path)
        (folder / "services").write_text("{}")
        for name in ("images/one", "images/two", "links"):
            (folder / name).mkdir(parents=True)
        self.journal = folder / "journal.db"
        self.said: list[str] = []
        for name in NAMES:
            self.runs(name, "one", OLD)

    def runs(self, name: str, image: str, boot: str) -> None:
        """A board says that it is ready."""
        node = next(node for node in self.plan.nodes if node.name == name)
        said = {
            "name": name, "address": node.address, "event": "ready", "mac": str(node.mac),
            "boot": boot, "image": image, "uptime_s": 1.0, "received": 5000.0,
        }  # fmt: skip
        (self.folder / "nodes" / f"{node.address}.json").write_text(json.dumps(said))
        link = self.folder / "nodes" / node.address
        if not link.is_symlink():
            link.symlink_to("../images/two")

    def reboot(self) -> Reboot:
        """As every step has its own."""
        reach = {"small-head": self.server.reach.prefix}
        return Reboot(self.plan, self.journal, reach, self.said.append)

    def outcomes(self) -> list[str]:
        return [board.outcome.value for board in self.reboot().report().boards]

    def end(self) -> None:
        """Nobody holds the lock any more."""
        path = record_path(self.journal)
        if path.exists():
            release(json.loads(path.read_text()).get("keeper", 0))

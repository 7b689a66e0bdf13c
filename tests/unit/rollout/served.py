"""A cluster whose boot server is a program, and whose boards are lines of its log."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from picluster.plan.model import AddressPlan
from picluster.plan.read import read_plan
from picluster.rollout.options import Options
from picluster.rollout.pack import Parts, pack
from tests.conftest import REPOSITORY, MakeDescription
from tests.unit.campaign.head_servers import FakeServer

UNIT = "picluster-messages.service"
SOURCE = REPOSITORY / "roles/workload_example/files/workload"


class Place:
    """A cluster of four boards behind one boot server."""

    def __init__(
        self,
        folder: Path,
        make: MakeDescription,
        banks: Sequence[int] = (1, 2),
        size: int = 2,
    ) -> None:
        self.folder = folder
        self.server = FakeServer(folder)
        slots = range(1, size + 1)
        rows = "".join(f"{b},{s},b8:27:eb:00:{b:02}:{s:02}\n" for b in banks for s in slots)
        self.path = make(
            registry=f"bank,slot,mac\n{rows}",
            banks=[{"number": n, "size": size} for n in banks],
            switches=None,
            boot={"export_root": str(folder / "export")},
        )
        self.plan: AddressPlan = read_plan(self.path)
        self.store = folder / "export" / "workloads"
        (self.store / "assigned").mkdir(parents=True)
        pack("example", "1", Parts(SOURCE), folder / "a.tar")
        place = self.store / "artefacts" / "example" / "1"
        shutil.unpack_archive(folder / "a.tar", place, filter="tar")
        (place.parent / "latest").write_text("1\n")
        for node in self.plan.nodes:
            said = {
                "name": node.name, "address": node.address, "event": "ready",
                "mac": str(node.mac), "boot": "0" * 16, "uptime_s": 1.0, "received": 5000.0,
            }  # fmt: skip
            (folder / "nodes" / f"{node.address}.json").write_text(json.dumps(said))

    def options(self, action: str = "deploy", **more: object) -> Options:
        reach = {"small-head": self.server.reach.prefix}
        journal = self.folder / "journal.db"
        return Options(action, "example", journal=journal, reach=reach, answer_s=2.0, **more)  # type: ignore[arg-type]

    @contextmanager
    def boards(self, *silent: str) -> Iterator[None]:
        """Boards that have at once what they are assigned, for the block."""
        done = threading.Event()

        def live() -> None:
            said: set[str] = set()
            while not done.wait(0.05):
                for path in self.store.glob("assigned/bank_*"):
                    head, *lines = path.read_text().splitlines()
                    for line in lines:
                        key = f"{head} {line}"
                        if key not in said and line.split()[0] not in silent:
                            said.add(key)
                            self._say(head.split()[1], *line.split()[:3])

        thread = threading.Thread(target=live)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _say(self, order: str, name: str, workload: str, version: str) -> None:
        _, bank, slot = name.split("-")
        start = f"node {name} 172.20.{bank}.{slot} workload mac=b8:27:eb:00:{bank:0>2}:{slot:0>2}"
        words = f"{start} boot={'0' * 16} up=9.0 workload={workload} version={version}"
        self.server.log("picluster-messages", f"{words} state=ok order={order}", UNIT)

    def assigned(self, bank: int) -> list[str]:
        path = self.store / "assigned" / f"bank_{bank}"
        return path.read_text().splitlines()[1:] if path.exists() else []

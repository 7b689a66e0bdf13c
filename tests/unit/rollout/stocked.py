"""Boot servers that are folders."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rolling import fleet_of_banks

from picluster.campaign.live.reach import Reach
from picluster.cluster.model import Server
from picluster.net import parse_address
from picluster.rollout.live.servers import BootServers
from picluster.rollout.pack import Parts, pack

D1, D2 = "1" * 64, "2" * 64
FLEET = fleet_of_banks({1: 3, 2: 2})


class Servers:
    """Boot servers that are folders, each behind a program as behind ssh."""

    def __init__(self, folder: Path, names: tuple[str, ...] = ("head",)) -> None:
        self.folder = folder
        self.names = names
        for name in names:
            (self.export(name) / "workloads" / "assigned").mkdir(parents=True)
            (self.export() / "workloads" / "artefacts").mkdir()
            for part in ("nodes", "works"):
                (folder / name / "run" / part).mkdir(parents=True)

    def export(self, name: str = "head") -> Path:
        return self.folder / name / "export"

    def open(self, port: int = 9) -> BootServers:
        reaches = []
        for name in self.names:
            # The same place under one name: what "export" is on the server.
            script = f'cd {self.folder / name} && exec "$@"'
            words = ("sh", "-c", script, "sh")
            reaches.append(Reach(Server(name, parse_address("172.20.0.10"), "eth1"), words))
        served = {bank: self.names[min(bank, len(self.names)) - 1] for bank in FLEET.by_bank}
        return BootServers(reaches, served, "export", FLEET, run="run", port=port)

    def deliver(
        self,
        version: str,
        workload: str = "hello",
        secrets: Mapping[str, Path] | None = None,
        salt: bytes = b"",
        **conf: Any,
    ) -> str:
        source = self.folder / f"source-{workload}-{version}"
        (source / "share" / "lib").mkdir(parents=True, exist_ok=True)
        (source / "run").write_text(f"#!/bin/sh\necho {version}\n")
        (source / "workload.conf").write_text("# none\n")
        (source / "share" / "lib" / "big file").write_text("big")
        link = source / "share" / "lib" / "link"
        if not link.is_symlink():
            link.symlink_to("big file")
        archive = self.folder / "a.tar"
        parts = Parts(source, conf=conf, settings={"A": "x y"}, secrets=secrets or {}, salt=salt)
        packed = pack(workload, version, parts, archive)
        place = self.export() / "workloads" / "artefacts" / workload / version
        place.mkdir(parents=True)
        with tarfile.open(archive) as tar:
            tar.extractall(place, filter="tar")
        (place.parent / "latest").write_text(f"{version}\n")
        return packed.digest

    def text(self, bank: int, name: str = "head") -> str:
        return (self.export(name) / "workloads" / "assigned" / f"bank_{bank}").read_text()

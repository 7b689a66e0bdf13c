"""Images on a bare head of ``mini`` and boards that boot them: what the image benchmarks share."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from picluster.errors import refusal
from picluster.plan.read import read_plan
from tests.bench.clusters import MINI, description_of
from tests.bench.heads import bare_head, converge
from tests.bench.measure import say
from twin.head.playbook import Outcome, play
from twin.machine import Kind, Machine, fetch, told
from twin.machine.login import Login, trust
from twin.net import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picluster.plan.model import Node
    from twin.head import Head
    from twin.rack import Rack

#: Where a head keeps the versions.
VERSIONS = "/srv/picluster/export/images"
_PLAYBOOK = "playbooks/image.yml"
_BOARD = "pi-2-9"
#: Bytes on the wire for one of a file: 512 of them with TFTP, UDP, IP and Ethernet headers, check
#: sum, preamble and gap; and for one of a whole frame, which has 1514 at most.
_TFTP_WIRE = (512 + 4 + 8 + 20 + 14 + 24) / 512
_FRAME_WIRE = (1514 + 24) / 1514


@dataclass(frozen=True, slots=True)
class Boot:
    """One board from power-on to ``ready``.

    Attributes:
        tftp_bytes: of files, by TFTP.
        network_bytes: that came to the board after its kernel started, frames whole.
        used_kib: memory in use at ready, without buffers and page cache.
        overlay_s: from the kernel's start to the mounted overlay; ``None`` where there is none.
    """

    tftp_bytes: int
    network_bytes: int
    used_kib: int
    overlay_s: float | None

    @property
    def megabytes(self) -> float:
        """All that came to the board, in units of 10^6 bytes."""
        return (self.tftp_bytes + self.network_bytes) / 1e6

    def seconds(self, boards: int, gbit: float) -> float:
        """What these bytes take on the server's link, were nothing else in the way.

        Args:
            boards: that boot at once.
            gbit: rate of the link, Gbit/s.
        """
        wire = self.tftp_bytes * _TFTP_WIRE + self.network_bytes * _FRAME_WIRE
        return boards * wire * 8 / (gbit * 1e9)


@dataclass(frozen=True, slots=True)
class Bench:
    """A head with DHCP, TFTP and NFS, and the way into its nodes."""

    head: Head
    rack: Rack
    login: Login
    folder: Path

    @property
    def node(self) -> Node:
        """The board that boots."""
        nodes = read_plan(description_of(MINI)).nodes
        return next(node for node in nodes if node.name == _BOARD)

    def image(self, *, promote: bool = True, **variables: Any) -> tuple[dict[str, Any], Outcome]:
        """Run ``image.yml``; gives the version's manifest and what the run did."""
        key = self.login.key.with_suffix(".pub").read_text().strip()
        extra = json.dumps({"node_image_authorized_keys": [key], **variables})
        args = ["-e", extra, *(["-e", "picluster_promote=all"] if promote else [])]
        outcome = play(self.head, MINI, _PLAYBOOK, args)
        if outcome.status != 0:
            raise refusal(f"{_PLAYBOOK}: {outcome.explain()}")
        version = version_of(outcome)
        manifest = json.loads(self.head.copy_out(f"{VERSIONS}/{version}/manifest.json"))
        say(f"image {version}: {outcome.seconds:.0f} s")
        return manifest, outcome

    def boot(self) -> Boot:
        """Boot the board in QEMU's virt machine from what is promoted."""
        files = fetch(self.rack, self.node, self.folder / "tftp")
        since = time.time()
        with Machine(self.rack, self.node, files, Kind.VIRT) as machine:
            told.wait(self.head, self.node.address, "ready", since=since)
            received, _ = machine.network_bytes()
            used = used_kib(self.login.run(self.node.address, "cat /proc/meminfo"))
            overlay = told.overlay_s(machine.console.text)
        boot = Boot(files.tftp_bytes, received, used, overlay)
        say(f"{boot.megabytes:.1f} MB, {used / 1024:.0f} MiB used, overlay after {overlay} s")
        return boot


@contextmanager
def bench_head(folder: Path) -> Iterator[Bench]:
    """A head of ``mini`` that ``site.yml`` configured, for the block."""
    key, known_hosts = folder / "id_ed25519", folder / "known_hosts"
    command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)])
    with bare_head(MINI) as (head, rack):
        converge(head, MINI)
        trust(head, description_of(MINI), known_hosts)
        with rack.client("172.20.0.200/16") as namespace:
            yield Bench(head, rack, Login(namespace, key, known_hosts), folder)


def version_of(outcome: Outcome) -> str:
    """The version a run of ``image.yml`` built or found."""
    facts = (result.get("ansible_facts", {}) for _, _, result in outcome.results())
    found = {str(fact["node_image_version"]) for fact in facts if "node_image_version" in fact}
    if len(found) != 1:
        raise refusal(f"{_PLAYBOOK} named {len(found)} versions")
    return found.pop()


def used_kib(meminfo: str) -> int:
    """Memory in use without buffers and page cache, KiB, by ``/proc/meminfo``."""
    values = {name: int(value) for name, value in re.findall(r"^(\w+): +(\d+) kB$", meminfo, re.M)}
    return values["MemTotal"] - values["MemFree"] - values["Buffers"] - values["Cached"]

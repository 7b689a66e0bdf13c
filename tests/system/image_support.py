"""Images built, promoted and booted on a head of the twin, as a user would."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from head_support import MINI

from picluster.plan.read import read_plan
from twin.head.playbook import play
from twin.machine import Kind, Machine, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picluster.plan.model import Node
    from twin.head import Head
    from twin.machine.login import Login
    from twin.rack import Rack

EXPORT = "/srv/picluster/export/images"
DESCRIPTION = MINI / "cluster.picluster.yml"


def node(name: str) -> Node:
    """A node of ``mini``."""
    return next(node for node in read_plan(DESCRIPTION).nodes if node.name == name)


def build(head: Head, *extra: str, promote: str = "") -> dict[str, Any]:
    """Run ``playbooks/image.yml``; gives the manifest of the version it built or found."""
    args = [word for value in extra for word in ("-e", value)]
    if promote:
        args += ["-e", f"picluster_promote={promote}"]
    outcome = play(head, MINI, "playbooks/image.yml", args)
    assert outcome.status == 0, outcome.explain()
    (version,) = {
        result["ansible_facts"]["node_image_version"]
        for _, _, result in outcome.results()
        if "node_image_version" in result.get("ansible_facts", {})
    }
    manifest: dict[str, Any] = json.loads(head.copy_out(f"{EXPORT}/{version}/manifest.json"))
    return manifest


def digest_of_tree(head: Head, version: str) -> str:
    """One digest over names, kinds, modes, owners, times and content of an exported version."""
    script = (
        f"cd {EXPORT}/{version} && (find . -printf '%p %y %m %U:%G %s %T@ %l\\n' | sort;"
        " find . -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum"
    )
    return head.exec(["sh", "-c", script], timeout_s=300).split()[0]


@dataclass(slots=True)
class Booted:
    """A machine that was powered, and the way into it."""

    machine: Machine
    login: Login

    @property
    def address(self) -> str:
        """Its address."""
        return self.machine.node.address

    def run(self, script: str, *, timeout_s: float = 300) -> str:
        """Run a shell script in the node by ssh and give its output."""
        return self.login.run(self.address, script, timeout_s=timeout_s)


@contextlib.contextmanager
def powered(rack: Rack, name: str, folder: Path, **options: Any) -> Iterator[tuple[Machine, float]]:
    """A node of ``mini`` that was powered in QEMU; gives it and the moment, epoch seconds."""
    board = node(name)
    files = fetch(rack, board, folder / name)
    since = time.time()
    kind = options.pop("kind", Kind.VIRT)
    with Machine(rack, board, files, kind, **options) as machine:
        yield machine, since

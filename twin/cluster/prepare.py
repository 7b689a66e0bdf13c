"""From nothing to a configured head that serves an image."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.errors import refusal
from twin.boards.image import seed_version
from twin.boards.tree import ensure_tree
from twin.head.places import TREE
from twin.head.playbook import command_line
from twin.image import ensure_image
from twin.image.cache import seed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picluster.cluster.model import Cluster
    from picluster.plan.model import Node
    from twin.head import Head


def run_playbook(head: Head, cluster: Path, playbook: str, *args: str, log: Path | None) -> None:
    """Run a playbook of the project, as its user would.

    Args:
        head: the head, up.
        cluster: the cluster's inventory.
        playbook: its path in the source tree.
        args: more arguments.
        log: file for what it prints; standard output when ``None``.

    Raises:
        PiclusterError: it failed; the message names the log.
    """
    words, environment = command_line(head, cluster, playbook, *args)
    if log is None:
        done = subprocess.run(words, env=environment, cwd=TREE, check=False)
    else:
        with log.open("ab") as output:
            done = subprocess.run(
                words, env=environment, cwd=TREE, check=False, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
    if done.returncode:
        raise refusal(f"{playbook} ended with status {done.returncode}", file=log)


def configure(head: Head, cluster: Path, *, log: Path | None = None) -> None:
    """Run ``site.yml`` on a head."""
    run_playbook(head, cluster, "site.yml", log=log)


def publish(head: Head, cluster: Cluster, inventory: Path, *, log: Path | None = None) -> str:
    """Give a configured head the boards' image and let every bank boot it; its version."""
    version = seed_version(head, cluster, ensure_tree())
    choice = ["-e", f"picluster_version={version}", "-e", "picluster_promote=all"]
    run_playbook(head, inventory, "playbooks/image.yml", *choice, log=log)
    return version


def pin_machines(head: Head, inventory: Path, nodes: Iterable[Node], *, log: Path | None) -> Path:
    """Let some boards boot the real image, which is built unless it is kept.

    Returns:
        Private key that opens them.
    """
    image = ensure_image()
    seed(head, image)
    choice = ["-e", f"picluster_version={image.version}"]
    run_playbook(head, inventory, "playbooks/image.yml", *choice, log=log)
    for node in nodes:
        link = head.exports / "tftp" / "nodes" / node.address
        link.unlink(missing_ok=True)
        link.symlink_to(f"../images/{image.version}")
    return image.key

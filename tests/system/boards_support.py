"""A dozen boards of ``mini`` around the session's head, and campaigns that boot them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from head_support import MINI

from picluster.campaign.live.campaign import LiveCampaign, Options
from picluster.campaign.settings import Settings, Timeouts
from picluster.cluster.load import find_description
from picluster.plan.read import read_plan
from picluster.power.desk import PowerDesk
from twin.boards.image import seed_version
from twin.boards.setup import Linux
from twin.boards.tree import ensure_tree
from twin.cluster import LiveTwin, Wishes
from twin.head.places import TREE
from twin.head.playbook import play
from twin.virtual.faults import NO_FAULTS, Fault, Plagues
from twin.virtual.heat import Climate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from picluster.campaign.report import Report
    from twin.head import Head
    from twin.rack import Rack

BANK = 2
#: Much shorter than a person would wait, for boards whose boot ROM is six times as quick.
QUICK = Timeouts(powered=30, dhcp=15, tftp=30, kernel=25, nfs=35, up=15, boot=180)
SPEED = 6.0
WAIT_S = 120.0


def inventory_of(folder: Path, slots: int) -> Path:
    """The mini cluster with the first boards of one bank only."""
    return inventory_with(folder, {BANK: slots})


def inventory_with(folder: Path, banks: Mapping[int, int]) -> Path:
    """The mini cluster with so many boards of each bank, the first ones."""
    target = folder / "mini"
    shutil.copytree(MINI, target)
    lines = (target / "macs.csv").read_text().splitlines(keepends=True)
    kept = [
        line
        for line in lines
        if not line[0].isdigit() or int(line.split(",")[1]) <= banks.get(int(line.split(",")[0]), 0)
    ]
    (target / "macs.csv").write_text("".join(kept))
    return target


def with_domains(inventory: Path) -> None:
    """Put each bank into a domain of its own, which has its number."""
    file = inventory / "cluster.picluster.yml"
    file.write_text(re.sub(r"\{number: (\d), rack: 1, sw", r"{number: \1, rack: 1, domain: \1, sw",
                           file.read_text()))  # fmt: skip


@contextlib.contextmanager
def boards_image(head: Head, inventory: Path) -> Iterator[str]:
    """Let the boards of an inventory boot the image of their own tree, for the block."""
    plan = read_plan(find_description(inventory))
    version = seed_version(head, plan.cluster, ensure_tree())
    outcome = play(head, MINI, "playbooks/image.yml", ["-e", f"picluster_version={version}"])
    assert outcome.status == 0, outcome.explain()
    links = [head.exports / "tftp" / "nodes" / node.address for node in plan.nodes]
    before = {link: str(link.readlink()) for link in links}

    def point(targets: Mapping[Path, str]) -> None:
        for link, target in targets.items():
            link.unlink()
            link.symlink_to(target)

    point(dict.fromkeys(links, f"../images/{version}"))
    try:
        yield version
    finally:
        point(before)


def small_twin(
    head: Head, rack: Rack, inventory: Path, boards: Mapping[str, Fault] | None = None
) -> LiveTwin:
    """A twin of an inventory with named faults only."""
    plagues = Plagues(7, NO_FAULTS, dict(boards or {}))
    linux = Linux(kernel_s=1.0, read_bytes=3_000_000)
    warm = Climate(seconds=5)  # a rack that is as warm as it gets within seconds
    wishes = Wishes(plagues, linux=linux, climate=warm, speed=SPEED)
    return LiveTwin(inventory, head, rack, wishes)


def campaign(twin: LiveTwin, journal: Path, banks: tuple[int, ...] = (BANK,)) -> Report:
    """Boot banks once and take the first result."""
    plan = read_plan(find_description(twin.inventory))
    settings = Settings(max_attempts=1, quorum=0.1, settle_s=5, timeouts=QUICK)
    reach = {twin.head.host: ["podman", "exec", "-i", twin.head.places.container]}
    options = Options(banks, (), settings, "first-result", journal, reach)
    return LiveCampaign(plan, PowerDesk.of(plan), options).run()


def picluster(twin: LiveTwin, *words: str) -> list[str]:
    """The command line of a command that boots."""
    program = str(Path(sys.executable).with_name("picluster"))
    return [program, *words, "-i", str(twin.inventory)]


def run(words: list[str], *, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a command of the project to its end."""
    return subprocess.run(
        words, cwd=TREE, capture_output=True, text=True, timeout=timeout_s, check=False,
        env={**os.environ, "ANSIBLE_CONFIG": str(TREE / "ansible.cfg")},
    )  # fmt: skip


def ping(twin: LiveTwin, names: list[str]) -> dict[str, bool]:
    """Whether Ansible gets into boards and runs Python there."""
    program = str(Path(sys.executable).with_name("ansible"))
    words = [program, "-i", str(twin.inventory), ",".join(names), "-m", "ansible.builtin.ping"]
    done = run([*words, "-o", "-e", "ansible_timeout=5"])
    said = dict(line.split(" | ", 1) for line in done.stdout.splitlines() if " | " in line)
    return {name: said.get(name, "").startswith("SUCCESS") for name in names}


def processes(twin: LiveTwin) -> int:
    """First programs of boards that run on this machine, by the folder they were given."""
    mark = f"STATE={twin.head.places.directory}/boards/".encode()
    count = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            count += mark in (entry / "environ").read_bytes()
    return count


def ports(twin: LiveTwin) -> set[str]:
    """Ports of boards on the bank's switch."""
    words = ["ip", "-json", "link", "show", "master", f"bank{BANK}"]
    links: list[dict[str, Any]] = json.loads(twin.rack.namespace.run(words))
    return {link["ifname"] for link in links if link["ifname"].startswith(f"b{BANK}-")}


def until(condition: Any, what: str, timeout_s: float = WAIT_S) -> None:
    """Wait until something is so."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.2)

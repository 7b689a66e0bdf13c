"""A workload on 84 live boards: the roll-out, clush and the playbook one would write first.

The boards of ``mini``, on the twin, with real sshd: everything they do costs this machine, too.
The artefact has 5 MB. clush runs one command on each board that does by hand what a node does:
copy, verify, stop, start, ask until it is well. The playbook is what one writes first, under
Ansible's own defaults; it takes minutes and is run once. ``deploy_policebox`` has the
controller's side alone.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from picluster.errors import refusal
from picluster.plan.read import read_plan
from picluster.rollout.pack import Parts, pack
from tests.bench.clusters import MINI, description_of
from tests.bench.figure import Figure, at_least, at_most, exactly
from tests.bench.heads import bare_head, converge
from tests.bench.measure import RUNS, Cost, in_turn, middle, program, run, say
from twin.boards.setup import Linux
from twin.cluster import LiveTwin, Wishes
from twin.cluster.prepare import publish
from twin.head.places import TREE, build_dir
from twin.net import command
from twin.virtual.faults import NO_FAULTS, Plagues

if TYPE_CHECKING:
    from collections.abc import Iterator


_PAYLOAD = 5_000_000
_BOOT_S = 900.0
_SOURCE = TREE / "roles" / "workload_example" / "files" / "workload"
#: What a node does for a new version, as one command of a shell; VERSION is the version.
_BY_HAND = """
set -e
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
from=/run/picluster/workloads/artefacts/example/VERSION to=/var/lib/by-hand
systemctl stop by-hand.service; rm -rf $to; mkdir -p $to/data; chown nobody $to/data
cp $from/* $to; cd $to; grep -v share/ SHA256SUMS | sha256sum --check --quiet; chmod 755 run check
systemd-run --unit=by-hand.service --uid=nobody --gid=nogroup --working-directory=$to/data \
  --setenv=GREETING=hello --setenv=NODE=$(hostname) $to/run
export GREETING=hello NODE=$(hostname) DATA=$to/data
for i in 1 2 3 4 5 6 7 8 9; do ./check > /dev/null && exit 0; sleep 0.3; done; exit 1
"""
_START = (
    "/usr/local/sbin/systemd-run --unit=obvious.service --uid=nobody --gid=nogroup "
    "--working-directory=/var/lib/obvious/data --setenv=GREETING=hello "
    "--setenv=NODE={{ inventory_hostname }} /var/lib/obvious/run"
)
_OBVIOUS = [
    {
        "hosts": "pi",
        "tasks": [
            {"ansible.builtin.file": {"path": "/var/lib/obvious/data", "state": "directory",
                                      "owner": "nobody", "mode": "0755"}},
            {"ansible.builtin.copy": {"src": "{{ source }}/payload", "dest": "/var/lib/obvious/",
                                      "mode": "0644"}},
            {"ansible.builtin.copy": {"src": "{{ source }}/run", "dest": "/var/lib/obvious/run",
                                      "mode": "0755"}},
            {"ansible.builtin.template": {"src": "{{ source }}/unit.j2", "mode": "0644",
                                          "dest": "/etc/systemd/system/obvious.service"}},
            {"ansible.builtin.command": _START},
        ],
    }
]  # fmt: skip
_UNIT = "# {{ ansible_facts['hostname'] }}\n[Service]\nExecStart=/var/lib/obvious/run\n"


def figures() -> Iterator[Figure]:
    """Live boards first."""
    with bare_head(MINI) as (head, rack):
        converge(head, MINI)
        cluster = read_plan(description_of(MINI)).cluster
        publish(head, cluster, MINI, log=build_dir() / "bench-deploy.log")
        linux = Linux(kernel_s=1.0, read_bytes=3_000_000)
        wishes = Wishes(Plagues(1, NO_FAULTS), linux=linux, speed=6.0)
        with (
            LiveTwin(MINI, head, rack, wishes) as twin,
            tempfile.TemporaryDirectory(prefix="picluster-bench-") as folder,
        ):
            boot_all(twin)
            yield from _live(twin, Path(folder))


def boot_all(twin: LiveTwin) -> None:
    """Give every bank power, and wait until all boards are ready.

    Raises:
        PiclusterError: some are not, in a quarter of an hour.
    """
    for bank in twin.plan.cluster.banks:
        names = [node.name for node in twin.plan.nodes if node.bank is bank]
        twin.power(names, on=True)
        end = time.monotonic() + _BOOT_S
        while not all(twin.truth.boards()[name].ready for name in names):
            if time.monotonic() > end:
                raise refusal(f"not all boards of bank {bank.number} are ready")
            time.sleep(1)
    say(f"deploy: {len(twin.plan.nodes)} boards are ready")


class _Peers:
    """The ways to bring the same work to the same boards."""

    def __init__(self, twin: LiveTwin, folder: Path) -> None:
        self._twin = twin
        self._folder = folder
        self._count = 0
        (folder / "payload").write_bytes(os.urandom(_PAYLOAD))

    def deliver(self) -> str:
        """Put another version on the head; its name."""
        self._count += 1
        version, archive = str(self._count), self._folder / "a.tar"
        files = {"payload": self._folder / "payload"}
        settings = {"GREETING": f"hello-{version}"}
        pack("example", version, Parts(_SOURCE, files, settings=settings), archive)
        place = self._twin.head.exports / "export/workloads/artefacts/example" / version
        place.mkdir(parents=True)
        command(["tar", "-C", str(place), "-xf", str(archive)])
        (place.parent / "latest").write_text(f"{version}\n")
        return version

    def ours(self, *words: str) -> Cost:
        """``picluster deploy``; of a new version unless words say otherwise."""
        if not words:
            self.deliver()
        report, head = self._folder / "report.json", self._twin.head
        cost = run(
            [program("picluster"), "deploy", "example", "-i", str(self._twin.inventory),
             "--via", f"{head.host}=podman exec -i {head.places.container}",
             "--report", str(report), "--journal", str(self._folder / "j.db"),
             *words],
            statuses=frozenset({0, 3}),
        )  # fmt: skip
        self.report = json.loads(report.read_text())
        return cost

    def well(self) -> int:
        """Boards that had what they were to have, by the last report."""
        return int(self.report["counts"]["ok"] + self.report["counts"]["unchanged"])

    def clush(self) -> Cost:
        """One command on each board, by clush."""
        version = self.deliver()
        variables = yaml.safe_load((self._twin.inventory / "twin.yml").read_text())
        pi = variables["all"]["children"]["pi"]["vars"]
        # clush would split its options at every blank
        ssh = self._folder / "ssh"
        key, more = pi["ansible_ssh_private_key_file"], pi["ansible_ssh_common_args"]
        ssh.write_text(f'#!/bin/sh\nexec ssh -i {key} {more} "$@"\n')
        ssh.chmod(0o755)
        nodes = ",".join(node.address for node in self._twin.plan.nodes)
        script = _BY_HAND.replace("VERSION", version)
        words = [
            "clush",
            "-q",
            "-S",
            "-f",
            "64",
            "-l",
            "root",
            "-O",
            f"ssh_path={ssh}",
            "-w",
            nodes,
        ]
        return run([*words, script])

    def obvious(self) -> Cost:
        """The playbook one would write first."""
        for name, text in (("run", (_SOURCE / "run").read_text()), ("unit.j2", _UNIT)):
            (self._folder / name).write_text(text)
        (self._folder / "site.yml").write_text(json.dumps(_OBVIOUS))
        (self._folder / "default.cfg").write_text(
            f"[defaults]\ninventory_plugins = {TREE}/plugins/inventory\n"
            "[inventory]\nenable_plugins = picluster, yaml\n"
            "ignore_extensions = .csv, .lock\nignore_patterns = ^known_hosts$\n"
        )
        config = {"ANSIBLE_CONFIG": str(self._folder / "default.cfg")}
        words = ["-i", str(self._twin.inventory), "-e", f"source={self._folder}"]
        book = str(self._folder / "site.yml")
        return run([program("ansible-playbook"), *words, book], environment=config)


def _live(twin: LiveTwin, folder: Path) -> Iterator[Figure]:
    peers, boards = _Peers(twin, folder), len(twin.plan.nodes)
    peers.ours()  # the boards mount their share
    again = lambda: peers.ours("--budget", "3")  # noqa: E731 - the version that is there
    costs = in_turn({"ours": peers.ours, "again": again, "clush": peers.clush})
    ours, clush, second = (middle(costs[name]) for name in ("ours", "clush", "again"))
    yield Figure("deploy.boards", boards, "boards")
    yield Figure("deploy.runs", RUNS, "runs")
    yield Figure("deploy.have_it", peers.well(), "boards", exactly(boards))
    yield Figure("deploy.seconds", ours.seconds, "s")
    yield Figure("deploy.clush_seconds", clush.seconds, "s")
    yield Figure("deploy.to_clush", ours.seconds / clush.seconds, "x", at_most(1.5))
    yield Figure("deploy.again_seconds", second.seconds, "s")
    yield Figure("deploy.again_to_first", second.seconds / ours.seconds, "x", at_most(0.3))
    one = middle([peers_of_bank(peers, twin) for _ in range(RUNS)])
    yield Figure("deploy.one_bank_seconds", one.seconds, "s")
    yield Figure("deploy.latecomer_seconds", _latecomer(twin), "s", at_most(60))
    obvious = peers.obvious()
    yield Figure("deploy.playbook_seconds", obvious.seconds, "s")
    yield Figure("deploy.playbook_to_ours", obvious.seconds / ours.seconds, "x", at_least(8))


def peers_of_bank(peers: _Peers, twin: LiveTwin) -> Cost:
    """A new version on the first bank alone."""
    version = peers.deliver()
    bank = twin.plan.cluster.banks[0].number
    return peers.ours("--version", version, "--limit", f"bank_{bank}")


def _latecomer(twin: LiveTwin) -> float:
    """Seconds from a board's ready message to its word that the workload is well."""
    node = twin.plan.nodes[-1]
    twin.power([node.name], on=False)
    path = f"/run/picluster/works/{node.address}.json"
    twin.head.exec(["rm", "-f", path])
    twin.power([node.name], on=True)
    end = time.monotonic() + _BOOT_S
    while not twin.truth.boards()[node.name].ready and time.monotonic() < end:
        time.sleep(0.1)
    began = time.monotonic()
    while time.monotonic() < end:
        text = twin.head.exec(["sh", "-c", f"cat {path} 2>/dev/null || true"])
        if '"state": "ok"' in text:
            return time.monotonic() - began
        time.sleep(0.2)
    raise refusal(f"{node.name} does not run what it is assigned")

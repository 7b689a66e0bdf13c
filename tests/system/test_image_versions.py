"""Versions on a head that ``site.yml`` made: promote, try in one bank, go back, prune."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from head_support import MINI

from picluster.plan.read import read_plan
from tests.image_factory import boot_files, make_version
from twin.head.places import TREE
from twin.head.playbook import play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picluster.plan.model import Node
    from twin.head import Head
    from twin.head.playbook import Outcome
    from twin.rack import Rack

pytestmark = pytest.mark.slow

HEAD = "172.20.0.10"
VERSIONS = ("v1", "v2", "v3", "v4")
_TALK = """
import socket, sys, time
held = socket.create_connection((sys.argv[1], 2049), timeout=20)
print("connected", flush=True)
sys.stdin.read()
"""


def digests(version: str) -> dict[str, str]:
    """SHA-256 of a version's boot files, as :func:`make_version` writes them."""
    files = boot_files(version)
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


class Site:
    """The head with four versions on it, and boards of both banks."""

    def __init__(self, head: Head, rack: Rack, scratch: Path) -> None:
        self.head, self.rack, self.scratch = head, rack, scratch
        nodes = read_plan(MINI / "cluster.picluster.yml").nodes
        self.canary = next(node for node in nodes if node.bank.number == 1)
        self.other = next(node for node in nodes if node.bank.number == 2)

    def run(self, playbook: str, *variables: str, args: tuple[str, ...] = ()) -> Outcome:
        words = [word for variable in variables for word in ("-e", variable)]
        return play(self.head, MINI, f"playbooks/{playbook}", [*words, *args])

    def must(self, playbook: str, *variables: str) -> Outcome:
        outcome = self.run(playbook, *variables)
        assert outcome.status == 0, outcome.explain()
        return outcome

    def image(self, *words: str) -> tuple[int, Any, str]:
        """``picluster image``: status, what it says as JSON, and errors."""
        command = [sys.executable, "-m", "picluster", "image", *words, "--json"]
        done = subprocess.run(
            [*command, "-i", str(MINI), "-i", str(self.head.inventory)],
            cwd=TREE,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        # After two seconds it says what is under way.
        errors = [line for line in done.stderr.splitlines() if line.startswith("picluster: ")]
        return done.returncode, json.loads(done.stdout or "null"), "\n".join(errors)

    def pointers(self) -> dict[str, str]:
        script = "cd /srv/picluster/tftp/images && readlink current canary previous"
        lines = self.head.run(["sh", "-c", script]).stdout.decode().split()
        return dict(zip(("current", "canary", "previous"), lines, strict=False))

    def boots(self, node: Node) -> dict[str, str]:
        """SHA-256 of the files a boot ROM of that board gets."""
        result = self.scratch / "rom.json"
        result.unlink(missing_ok=True)
        words = ["--interface", self.rack.bank_interface(node.bank.number), "--mac", str(node.mac)]
        words += ["--speed", "5", "--deadline", "120", "--quiet", "--json", str(result)]
        subprocess.run(
            self.rack.namespace.inside([sys.executable, "-m", "twin.rom", *words]),
            cwd=TREE,
            capture_output=True,
            check=False,
            timeout=180,
        )
        (rom,) = json.loads(result.read_text())["roms"]
        assert rom["complete"], rom["reason"]
        assert rom["addresses"] == [node.address]
        return {name: got["sha256"] for name, got in rom["files"].items()}

    @contextmanager
    def connected(self, node: Node) -> Iterator[Any]:
        """A machine with the board's address that holds a connection to the NFS server."""
        with self.rack.client(f"{node.address}/16", bank=node.bank.number) as client:
            held = client.popen(
                [sys.executable, "-c", _TALK, HEAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            try:
                assert held.stdout is not None
                assert held.stdout.readline() == b"connected\n"
                yield client
            finally:
                held.communicate(timeout=20)

    def tell(self, client: Any, node: Node, version: str) -> None:
        """Have a board say which version it runs, and wait until the head knows."""
        message = f"picluster/1 ready mac={node.mac} image={version} boot={0:016x} up=9.0"
        client.run(["bash", "-c", f'printf %s "$1" >/dev/udp/{HEAD}/3334', "bash", message])
        path = f"/run/picluster/nodes/{node.address}.json"
        end = time.monotonic() + 30
        while f'"{version}"' not in self.head.run(["cat", path]).stdout.decode():
            assert time.monotonic() < end
            time.sleep(0.2)


@pytest.fixture(scope="module")
def site(
    configured_head: Head, rack: Rack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The head as if no image had been built yet and no board had spoken, with four versions."""
    place = Site(configured_head, rack, tmp_path_factory.mktemp("versions"))
    configured_head.exec(["sh", "-c", "rm -f /run/picluster/nodes/*.json"])
    folders = [configured_head.exports / name / "images" for name in ("export", "tftp")]
    folders[0].mkdir(exist_ok=True)
    for folder in folders:
        folder.rename(folder.with_name("images-aside"))
        folder.mkdir(mode=0o755)
    for name in ("current", "canary"):
        (folders[1] / name).symlink_to("../boot")
    for day, name in enumerate(VERSIONS, 1):
        make_version(folders[0], name, day=day)
    yield place
    for folder in folders:
        shutil.rmtree(folder)
        folder.with_name("images-aside").rename(folder)
    configured_head.exec(["rm", "-f", f"/run/picluster/nodes/{place.other.address}.json"])


def test_nothing_is_promoted_before_somebody_says_so(site: Site) -> None:
    assert site.pointers() == {"current": "../boot", "canary": "../boot"}
    site.must("image.yml", "picluster_version=v1")
    assert site.pointers() == {"current": "../boot", "canary": "../boot"}
    status, stores, said = site.image("list")
    assert (status, said) == (0, "")
    (store,) = stores
    assert [(v["name"], v["published"], v["pointers"]) for v in store["versions"]] == [
        ("v4", False, []), ("v3", False, []), ("v2", False, []), ("v1", True, []),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (("picluster_version=v9", "picluster_promote=all"), "there is no image version v9"),
        (("picluster_version=v1", "picluster_promote=some"), "give canary or all"),
        (("picluster_version=../v1", "picluster_promote=all"), "is no name of an image version"),
    ],
)
def test_what_cannot_be_promoted_changes_nothing(
    site: Site, variables: tuple[str, ...], said: str
) -> None:
    before = site.pointers()
    outcome = site.run("image.yml", *variables)
    assert outcome.status != 0
    (failure,) = outcome.failures()
    assert said in failure
    assert site.pointers() == before


def test_there_is_nothing_to_go_back_to_yet(site: Site) -> None:
    outcome = site.run("rollback.yml")
    assert outcome.status != 0
    (failure,) = outcome.failures()
    assert "there is no previous image version to go back to" in failure


def test_the_canary_bank_first_then_all_then_back(site: Site) -> None:
    site.must("image.yml", "picluster_version=v1", "picluster_promote=all")
    check = site.run("image.yml", "picluster_version=v2", "picluster_promote=canary",
                     args=("--check", "--diff"))  # fmt: skip
    assert check.status == 0, check.explain()
    assert site.pointers() == {"current": "v1", "canary": "v1"}

    site.must("image.yml", "picluster_version=v2", "picluster_promote=canary")
    assert site.pointers() == {"current": "v1", "canary": "v2"}
    assert digests("v2").items() <= site.boots(site.canary).items()
    assert digests("v1").items() <= site.boots(site.other).items()
    again = site.must("image.yml", "picluster_version=v2", "picluster_promote=canary")
    assert again.changed() == []

    site.must("image.yml", "picluster_version=v2", "picluster_promote=all")
    assert site.pointers() == {"current": "v2", "canary": "v2", "previous": "v1"}
    assert digests("v2").items() <= site.boots(site.other).items()

    site.must("rollback.yml")
    assert site.pointers() == {"current": "v1", "canary": "v1", "previous": "v2"}
    assert digests("v1").items() <= site.boots(site.canary).items()
    assert digests("v1").items() <= site.boots(site.other).items()
    assert site.must("rollback.yml", "picluster_version=v1").changed() == []


def test_what_differs_is_shown(site: Site) -> None:
    status, (version,), _ = site.image("show", "current")
    assert (status, version["name"], version["pointers"]) == (0, "v1", ["current", "canary"])
    assert len(version["planned"]) == 84
    status, changes, _ = site.image("diff", "previous", "v1")
    assert status == 0
    assert {change["name"] for change in changes if change["kind"] == "boot file"} >= {
        "cmdline.txt", "kernel8.img",
    }  # fmt: skip


def test_a_version_in_use_is_not_pruned(site: Site) -> None:
    with site.connected(site.other) as client:
        status, _, said = site.image("prune", "--keep", "1")
        assert status == 1
        assert f"nobody knows with which image version: {site.other.name};" in said
        site.tell(client, site.other, "v3")
        status, pruned, said = site.image("prune", "--keep", "1", "--dry-run")
        assert (status, said) == (0, "")
        assert [what["removed"] for what in pruned.values()] == [[]]
        (kept,) = (what["kept"] for what in pruned.values())
        assert kept == {
            "v4": ["one of the newest"],
            "v3": [f"used by {site.other.name}"],
            "v2": ["previous points to it"],
            "v1": ["current points to it", "canary points to it"],
        }
        site.tell(client, site.other, "v1")
        status, pruned, _ = site.image("prune", "--keep", "1")
        assert [what["removed"] for what in pruned.values()] == [["v3"]]
    folder = site.head.exports / "export" / "images"
    assert sorted(path.name for path in folder.iterdir()) == ["v1", "v2", "v4"]
    assert digests("v1").items() <= site.boots(site.other).items()


def test_a_bank_is_not_pinned_to_what_is_not_there(site: Site, tmp_path: Path) -> None:
    inventory = tmp_path / "mini"
    shutil.copytree(MINI, inventory)
    path = inventory / "cluster.picluster.yml"
    data = yaml.safe_load(path.read_text())
    links = site.head.exec(["ls", "-l", "/srv/picluster/tftp/nodes"])

    def pinned(image: str) -> Outcome:
        data["banks"][1]["image"] = image
        path.write_text(yaml.safe_dump(data, sort_keys=False))
        return play(site.head, inventory, playbook)

    playbook = tmp_path / "nodes.yml"
    roles = [{"role": "node_services"}, {"role": "image_versions"}]
    playbook.write_text(
        yaml.safe_dump([{"hosts": "boot_servers", "gather_facts": False, "roles": roles}])
    )
    outcome = pinned("v3")
    assert outcome.status != 0
    (failure,) = outcome.failures()
    assert "not in /srv/picluster/tftp/images: image v3 of bank 2 (42 nodes)" in failure
    assert site.head.exec(["ls", "-l", "/srv/picluster/tftp/nodes"]) == links

    assert pinned("v2").status == 0
    assert digests("v2").items() <= site.boots(site.other).items()
    assert digests("v1").items() <= site.boots(site.canary).items()
    assert play(site.head, MINI, playbook).status == 0

"""Versions of workloads: who uses them, and which go, by the programs that run on boot servers."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from rolling import ORDER
from served import SOURCE, Place
from stocked import D1, FLEET, Servers

from picluster.campaign.journal.lock import CAMPAIGN, Lock, lock_path
from picluster.cli import main
from picluster.errors import PiclusterError
from picluster.rollout.assigned import Version
from picluster.rollout.live.versions import WorkloadVersions
from picluster.rollout.pack import Parts, pack
from picluster.rollout.shelf import Artefact, Shelf
from picluster.rollout.target import Target
from picluster.rollout.versions import Size, stored, verdicts
from tests.conftest import MakeDescription


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    return Servers(tmp_path)


def test_every_use_keeps_a_version() -> None:
    names = ("1", "2", "3", "4", "5", "6", "7")
    shelf = Shelf(
        "head",
        versions={"hello": {name: Artefact(D1) for name in names}, "other": {"1": Artefact(D1)}},
        latest={"hello": "7", "other": "1"},
        wanted={"hello": ("5", "4")},
        assigned={"pi-1-1": {"hello": Version("3", D1)}, "pi-1-2": {"hello": Version()}},
        works={
            "172.20.1.1": {"hello": ("2", False)},
            "172.20.1.2": {"hello": ("5", True)},
            "172.20.9.9": {"hello": ("1", True), "other": ("1", True)},
        },
    )
    sizes = {"head": {"hello": {name: Size(10, float(name)) for name in names}}}
    found = {one.version: why for one, why in verdicts(stored([shelf], sizes, FLEET), 1)}
    assert found == {
        "7": ["it is latest", "among the newest 1"],
        "6": [],
        "5": ["it is wanted", "pi-1-2 runs it still"],
        "4": ["it is previous"],
        "3": ["pi-1-1 is assigned it"],
        "2": ["pi-1-1 runs it still"],
        "1": ["172.20.9.9 runs it still"],
    }
    newest = [one.version for one, why in verdicts(stored([shelf], sizes, FLEET), 2) if not why]
    assert newest == []


def test_a_server_removes_what_nothing_names_and_nothing_else(servers: Servers) -> None:
    digests = {name: servers.deliver(name) for name in ("1", "2", "3", "4", "5")}
    live = servers.open()
    for name in ("2", "3"):
        live.begin(ORDER, Target("hello", Version(name, digests[name]), 30, 60), live.look())
    live.begin(ORDER, Target("hello", Version("1", digests["1"]), 30, 60), live.look())
    live.assign(2, ["pi-2-1"], [])
    live.begin(ORDER, Target("hello", Version("2", digests["2"]), 30, 60), live.look())
    live.begin(ORDER, Target("hello", Version("3", digests["3"]), 30, 60), live.look())
    folder = servers.export() / "workloads/artefacts/hello"
    (folder / ".removing-0").mkdir()  # what a kill has left
    wanted = [("hello", name) for name in ("1", "2", "3", "4", "5")]
    refused = live.prune("head", [*wanted, ("hello", "../hello"), ("hello", "9")])
    assert refused == {
        ("hello", "1"): "pi-2-1 is assigned it",
        ("hello", "2"): "wanted names it",
        ("hello", "3"): "wanted names it",
        ("hello", "5"): "latest names it",
        ("hello", "../hello"): "it is no version of a workload",
    }
    assert sorted(path.name for path in folder.iterdir()) == [
        "1",
        "2",
        "3",
        "5",
        "latest",
        "wanted",
    ]
    sizes = live.sizes()["head"]["hello"]
    assert list(sizes) == ["1", "2", "3", "5"]
    files = [path for path in (folder / "1").rglob("*") if path.is_symlink() or path.is_file()]
    assert sizes["1"].bytes == sum(path.lstat().st_size for path in files)
    assert abs(sizes["1"].delivered - time.time()) < 600


@pytest.fixture
def place(tmp_path: Path, description: MakeDescription) -> Place:
    """Five more versions, each an hour younger than the one before."""
    made = Place(tmp_path, description)
    for number in range(1, 7):
        version = made.store / "artefacts" / "example" / str(number)
        if number > 1:
            pack("example", str(number), Parts(SOURCE), tmp_path / "a.tar")
            shutil.unpack_archive(tmp_path / "a.tar", version, filter="tar")
        os.utime(version, (3600 * number,) * 2)
    (made.store / "artefacts/example/latest").write_text("6\n")
    (made.store / "artefacts/example/wanted").write_text("6 -\n")
    (made.store / "assigned/bank_1").write_text(
        f"picluster-assigned/1 {ORDER}\npi-1-1 example 2 {D1}\n"
    )
    return made


def words(place: Place) -> list[str]:
    via = f"small-head={' '.join(place.server.reach.prefix)}"
    return ["-i", str(place.path), "--journal", str(place.folder / "journal.db"), "--via", via]


def there(place: Place) -> list[str]:
    return sorted(path.parent.name for path in place.store.glob("artefacts/example/*/run"))


def test_the_command_lists_and_prunes(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workload", "list", *words(place)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == [
        "server",
        "workload",
        "version",
        "delivered",
        "MB",
        "assigned",
        "running",
        "state",
    ]
    assert lines[1] == [
        "small-head",
        "example",
        "6",
        "1970-01-01",
        "06:00",
        "0.0",
        "0",
        "0",
        "latest",
        "wanted",
    ]
    assert [line[2] for line in lines[1:]] == ["6", "5", "4", "3", "2", "1"]
    assert main(["workload", "prune", "--keep", "2", "--dry-run", *words(place)]) == 0
    assert "small-head  example 4  would go, 0.0 MB" in capsys.readouterr().out
    assert there(place) == ["1", "2", "3", "4", "5", "6"]
    assert main(["workload", "prune", "example", "--keep", "2", "--json", *words(place)]) == 0
    pruned = json.loads(capsys.readouterr().out)
    assert [one["version"] for one in pruned["removed"]] == ["4", "3", "1"]
    assert {one["version"]: one["why"] for one in pruned["kept"]} == {
        "6": ["it is latest", "it is wanted", "among the newest 2"],
        "5": ["among the newest 2"],
        "2": ["pi-1-1 is assigned it"],
    }
    assert there(place) == ["2", "5", "6"]
    assert main(["workload", "prune", "--keep", "2", *words(place)]) == 0
    assert capsys.readouterr().out.endswith("nothing to remove\n")


def test_what_cannot_be_pruned_is_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for more, why in (
        (["--keep", "0"], "keep is 0; keep at least one version"),
        (["nothing"], "no boot server has a workload nothing; there are: example"),
        (["../x"], "'../x' is no name of a workload"),
    ):
        assert main(["workload", "prune", *more, *words(place)]) == 1
        assert why in capsys.readouterr().err
    with Lock(lock_path(place.folder / "journal.db"), CAMPAIGN):
        assert main(["workload", "prune", "--keep", "1", *words(place)]) == 1
        assert "a campaign is running already" in capsys.readouterr().err
    assert len(there(place)) == 6


def test_a_version_that_is_assigned_meanwhile_stays(place: Place) -> None:
    """Another control node assigns it between the look and the removal."""
    reach = {"small-head": place.server.reach.prefix}
    versions = WorkloadVersions(place.plan, journal=place.folder / "journal.db", reach=reach)
    found = versions.prune(2, dry_run=True)
    assert [one.version for one in found.removed] == ["4", "3", "1"]
    servers = versions._servers()
    assigned = place.store / "assigned/bank_2"
    assigned.write_text(f"picluster-assigned/1 {ORDER}\npi-2-1 example 4 {D1}\n")
    refused = servers.prune("small-head", [("example", "4"), ("example", "3")])
    assert refused == {("example", "4"): "pi-2-1 is assigned it"}
    assert there(place) == ["1", "2", "4", "5", "6"]
    assigned.write_text("rubbish\nrubbish\n")
    with pytest.raises(PiclusterError, match="not a line of what is assigned"):
        versions.prune(1)
    assert len(there(place)) == 5

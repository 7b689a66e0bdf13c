"""What a boot server keeps, by the program that runs there."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from rolling import ORDER
from stocked import D1, D2, Servers

from picluster.errors import PiclusterError
from picluster.rollout.assigned import Version
from picluster.rollout.live import store
from picluster.rollout.shelf import Artefact
from picluster.rollout.target import DEPLOY, ROLLBACK, Target, target_of


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    return Servers(tmp_path)


def target(version: str, digest: str, name: str = "hello") -> Target:
    return Target(name, Version(version, digest), 30, 60)


def test_a_server_says_what_it_holds(servers: Servers) -> None:
    digest = servers.deliver("1", memory_mib=128, start_s=20)
    (servers.export() / "workloads/artefacts/$(reboot)").mkdir()
    run = servers.folder / "head" / "run"
    for address, boot in (("172.20.1.1", "a" * 16), ("172.20.1.2", "b" * 16)):
        (run / "nodes" / f"{address}.json").write_text(json.dumps({"boot": "a" * 16}))
        works = {"hello": {"version": "1", "state": "ok", "reason": None}}
        said = {"boot": boot, "works": works}
        (run / "works" / f"{address}.json").write_text(json.dumps(said))
    (shelf,) = servers.open().look()
    assert shelf.versions == {"hello": {"1": Artefact(digest, 128, 20, 60)}}
    assert shelf.latest == {"hello": "1"}
    # the second node has booted since
    assert shelf.works == {"172.20.1.1": {"hello": ("1", True)}}


def test_a_version_is_held_against_its_checksums(servers: Servers) -> None:
    servers.deliver("1")
    place = servers.export() / "workloads/artefacts/hello/1"
    servers.open().verify("hello", "1")
    (place / "share/lib/link").unlink()
    (place / "share/lib/link").symlink_to("run")
    (place / "more").touch()
    (place / "settings").unlink()
    (place / "run").write_text("rm -rf /\n")
    with pytest.raises(PiclusterError) as refused:
        servers.open().verify("hello", "1")
    assert [str(problem).partition(";")[0] for problem in refused.value.problems] == [
        f"hello 1 is damaged on boot server head: {what}"
        for what in (
            "more does not belong to it",
            "run has another checksum",
            "settings is missing",
            "share/lib/link has another checksum",
        )
    ]


def test_what_is_assigned_is_replaced_whole_and_keeps_the_others(servers: Servers) -> None:
    live = servers.open()
    shelves = live.look()
    servers.deliver("1")
    live.begin(ORDER, target("1", D1), live.look())
    live.assign(1, ["pi-1-2"], ["pi-1-2"])
    live.assign(1, ["pi-1-3", "pi-1-1"], [])
    assert servers.text(1) == (
        f"picluster-assigned/1 {ORDER}\n"
        f"pi-1-1 hello 1 {D1}\npi-1-2 hello 1 {D1}\npi-1-3 hello 1 {D1}\n"
    )
    assert shelves[0].texts == {}
    other = servers.open()
    other.look()
    servers.deliver("5", workload="other")
    other.begin("f" * 16, target("5", D2, "other"), other.look())
    other.assign(1, ["pi-1-1"], ["pi-1-1"])
    assert servers.text(1) == (
        f"picluster-assigned/1 {'f' * 16}\npi-1-1 hello 1 {D1}\npi-1-1 other 5 {D2}\n"
        f"pi-1-2 hello 1 {D1}\npi-1-3 hello 1 {D1}\n"
    )
    # whoever has read the file before that is told
    with pytest.raises(PiclusterError, match="was changed by somebody else meanwhile"):
        live.assign(1, ["pi-1-2"], ["pi-1-2"])
    # what must go is said, to boards that may have it
    gone = servers.open()
    gone.begin(ORDER, Target("hello", Version(), 0, 60), gone.look())
    gone.assign(1, ["pi-1-1", "pi-1-2"], ["pi-1-1"])
    gone.assign(2, ["pi-2-1"], [])
    assert servers.text(1).splitlines()[1:] == [
        "pi-1-1 hello - -", f"pi-1-1 other 5 {D2}", "pi-1-2 hello - -", f"pi-1-3 hello 1 {D1}",
    ]  # fmt: skip
    assert not (servers.export() / "workloads/assigned/bank_2").exists()


def test_a_bank_may_be_assigned_more_than_an_argument_holds(servers: Servers) -> None:
    servers.deliver("1")
    works = "".join(f"pi-1-1 work_{n:04} 1 {D2}\n" for n in range(2000))
    path = servers.export() / "workloads/assigned/bank_1"
    path.write_text(f"picluster-assigned/1 {ORDER}\n{works}")
    live = servers.open()
    live.begin(ORDER, target("1", D1), live.look())
    live.assign(1, ["pi-1-2"], [])
    assert servers.text(1) == f"picluster-assigned/1 {ORDER}\n{works}pi-1-2 hello 1 {D1}\n"


def test_the_version_before_is_remembered(servers: Servers) -> None:
    for version in ("1", "2", "3"):
        digest = servers.deliver(version)
        live = servers.open()
        live.begin(ORDER, target(version, digest), live.look())
    found = target_of(ROLLBACK, "hello", "", servers.open().look())
    assert found.version.name == "2"
    live = servers.open()
    live.begin(ORDER, found, live.look())
    assert target_of(ROLLBACK, "hello", "", servers.open().look()).version.name == "3"
    assert target_of(DEPLOY, "hello", "", servers.open().look()).version.name == "3"


def test_nodes_are_asked_to_look_by_a_datagram(servers: Servers) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        node.bind(("127.0.0.1", 0))
        node.settimeout(5)
        order = {
            "root": str(servers.export() / "workloads"),
            "do": "poke",
            "poke": ["127.0.0.1", "172.20.0.999", "127.0.0.1"],
            "port": node.getsockname()[1],
        }
        assert store.main(json.dumps(order)) == {}
        assert [node.recv(100), node.recv(100)] == [b"picluster/1 look\n"] * 2


def test_a_server_that_is_not_prepared_says_so(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    (servers.export() / "workloads" / "assigned").rmdir()
    live = servers.open()
    servers.deliver("1")
    live.begin(ORDER, target("1", D1), live.look())
    with pytest.raises(PiclusterError, match=r"assigned/\.lock: No such file.*run site\.yml"):
        live.assign(1, ["pi-1-1"], [])

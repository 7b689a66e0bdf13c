"""Who uses what: the plan, the kernel's connections, what nodes said; and what may be removed."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.image_factory import make_version
from tests.plugins.modules.killing import NO_DISK, runs_killed

RunModules = Callable[[list[tuple[str, dict[str, Any], bool]]], list[dict[str, Any]]]

HEADER = "address,mac,name,image\n"
PLAN = (
    HEADER + "172.20.1.1,b8:27:eb:00:00:01,pi-1-1,canary\n"
    "172.20.2.1,b8:27:eb:00:00:02,pi-2-1,current\n"
    "172.20.2.2,b8:27:eb:00:00:03,pi-2-2,current\n"
    "172.20.3.1,b8:27:eb:00:00:04,pi-3-1,v1\n"
)
TCP = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n"
MAPPED = "0000000000000000FFFF0000"


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NO_DISK:
        monkeypatch.setattr(os, name, lambda *_: None)


class Place:
    """A boot server's files below a directory."""

    def __init__(self, root: Path, modules: dict[str, ModuleType]) -> None:
        self.root = root
        self.modules = modules
        self.store = modules["store"].ImageStore(root / "export", root / "tftp")
        self.nodes, self.state = root / "nodes.csv", root / "nodes"
        self.proc = root / "proc"
        (self.proc / "net").mkdir(parents=True)
        self.state.mkdir()
        self.store.staged.mkdir(parents=True)
        self.nodes.write_text(PLAN)
        self.connect()

    def versions(self, *names: str) -> None:
        for day, name in enumerate(names, 1):
            make_version(self.store.images, name, day=day)
            self.modules["switch"].publish(self.store, name)

    def connect(self, *lines: str, six: str | None = "") -> None:
        """Set the kernel's tables: ``local remote state`` of each connection."""
        text = "".join(f"   {at}: {line} 0:0 00:0 0 0 0 1\n" for at, line in enumerate(lines))
        (self.proc / "net" / "tcp").write_text(TCP + text)
        if six is not None:
            (self.proc / "net" / "tcp6").write_text(TCP + (f"   0: {six} 0:0\n" if six else ""))

    def report(self, address: str, **data: object) -> None:
        (self.state / f"{address}.json").write_text(json.dumps(data))

    def use(self) -> Any:
        return self.modules["use"].use(self.store, self.nodes, self.state, self.proc)

    def prune(self, keep: int) -> tuple[list[str], dict[str, list[str]]]:
        going, staying = self.modules["prune"].choose(self.store, self.use(), keep)
        self.modules["prune"].remove(self.store, going)
        return going, staying


@pytest.fixture
def place(
    tmp_path: Path,
    image_store: ModuleType,
    image_switch: ModuleType,
    image_use: ModuleType,
    image_prune: ModuleType,
) -> Place:
    modules = {
        "store": image_store, "switch": image_switch, "use": image_use, "prune": image_prune,
    }  # fmt: skip
    return Place(tmp_path, modules)


# ---- the plan


def test_the_plan_is_read_as_it_is_rendered(place: Place) -> None:
    read = place.modules["use"].planned
    assert [(node.address, node.name, node.image, node.bank) for node in read(place.nodes)] == [
        ("172.20.1.1", "pi-1-1", "canary", "1"),
        ("172.20.2.1", "pi-2-1", "current", "2"),
        ("172.20.2.2", "pi-2-2", "current", "2"),
        ("172.20.3.1", "pi-3-1", "v1", "3"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("", ":1: its header is not address,mac,name,image"),
        ("address,mac,name\n", ":1: its header is not address,mac,name,image"),
        (HEADER + "172.20.1.1,m,pi-1-1\n", ":2: '172.20.1.1,m,pi-1-1' is no line of nodes"),
        (HEADER + "172.20.1.1,m,pi-1-1,../x\n", "is no line of nodes"),
        (HEADER + "172.20.1.01,m,pi-1-1,v1\n", "is no line of nodes"),
        (HEADER + "../../etc,m,pi-1-1,v1\n", "is no line of nodes"),
        (HEADER + "172.20.1.1,m,other,v1\n", "is no line of nodes"),
        (HEADER + "172.20.1.1,m,pi-1-1,v1\n" * 2, ":3: '172.20.1.1,m,pi-1-1,v1' is there twice"),
        (HEADER + '"172.20.1.1,m\n', "cannot be read"),
        (HEADER + "caf\xe9\n", "cannot be read"),
    ],
)
def test_what_is_no_plan_is_refused(place: Place, text: str | None, said: str) -> None:
    if text is None:
        place.nodes.unlink()
    else:
        place.nodes.write_text(text, encoding="latin-1")
    with pytest.raises(place.modules["store"].StoreError) as error:
        place.modules["use"].planned(place.nodes)
    assert str(error.value).startswith(f"{place.nodes}")
    assert said in str(error.value)
    assert str(error.value).endswith("; run site.yml")


# ---- boards that run


def test_clients_are_the_peers_of_the_nfs_server(place: Place) -> None:
    place.connect(
        "0A0014AC:0801 010114AC:03E7 01",  # 172.20.0.10:2049 to 172.20.1.1
        "0A0014AC:0801 010214AC:03E7 06",  # in time-wait
        "00000000:0801 00000000:0000 0A",  # listening
        "0A0014AC:0016 010314AC:D431 01",  # ssh
        "0A0014AC:D431 010414AC:0801 01",  # this machine is the client
        "0100007F:0801 0100007F:03E7 01",  # this machine with itself
        six=f"{MAPPED}0A0014AC:0801 {MAPPED}020214AC:03E7 01",
    )
    assert place.modules["use"].connected(place.proc) == {"172.20.1.1", "172.20.2.2"}
    (place.proc / "net" / "tcp6").unlink()
    assert place.modules["use"].connected(place.proc) == {"172.20.1.1"}
    (place.proc / "net" / "tcp").unlink()
    with pytest.raises(place.modules["store"].StoreError, match="connections cannot be told"):
        place.modules["use"].connected(place.proc)


@contextmanager
def connection(family: int, listen: str, peer: str) -> Iterator[int]:
    """A connection on this machine; gives the server's port."""
    with socket.socket(family) as server, socket.socket(socket.AF_INET) as client:
        server.bind((listen, 0))
        server.listen()
        client.bind((peer, 0))
        client.connect(("127.0.0.1", server.getsockname()[1]))
        with server.accept()[0]:
            yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("family", "listen"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::")]
)
def test_the_kernel_writes_addresses_so(
    place: Place, monkeypatch: pytest.MonkeyPatch, family: int, listen: str
) -> None:
    """The real table; its peers, all on the loopback, would not count."""
    use = place.modules["use"]
    monkeypatch.setattr(use.ipaddress.IPv4Address, "is_loopback", False)
    with connection(family, listen, "127.1.2.3") as port:
        assert use.connected(port=port) == {"127.1.2.3"}
    assert use.connected(port=port) == set()


def test_who_uses_what(place: Place) -> None:
    place.versions("v1", "v2", "v3")
    act = place.modules["switch"].carry_out
    act(place.store, "promote", "v1", "all")
    act(place.store, "promote", "v2", "all")
    place.connect(
        "0A0014AC:0801 010114AC:03E7 01",  # 172.20.1.1 said what it runs
        "0A0014AC:0801 010214AC:03E7 01",  # 172.20.2.1 said nothing
        "0A0014AC:0801 020214AC:03E7 01",  # 172.20.2.2 did not say which
        "0A0014AC:0801 09FE14AC:03E7 01",  # 172.20.254.9 is not on the plan
    )
    place.report("172.20.1.1", name="pi-1-1", image="v3", received=1)
    place.report("172.20.2.2", name="pi-2-2", image="")
    place.report("172.20.3.1", name="pi-3-1", image="v0")
    use = place.use()
    assert use.pointers == {"v2": ["current", "canary"], "v1": ["previous"]}
    assert use.plan == {"v1": ["pi-3-1"]}
    assert use.live == {"v3": ["pi-1-1"], "v0": ["pi-3-1"]}
    assert use.unknown == ["pi-2-1", "pi-2-2", "172.20.254.9"]
    assert use.reasons("v1") == ["previous points to it", "planned for pi-3-1"]
    assert use.reasons("v3") == ["used by pi-1-1"]
    assert use.reasons("v9") == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "[" * 100_000, '{"name": "pi-2-1"}',
     '{"name": "pi-2-1", "image": "../../etc"}', '{"name": "pi-2-1", "image": "current"}',
     '{"name": "pi-2-1", "image": null}', '{"name": "pi-2-1", "image": {"a": 1}}'],
)  # fmt: skip
def test_a_report_that_names_no_version_leaves_its_node_unknown(place: Place, text: str) -> None:
    place.connect("0A0014AC:0801 010214AC:03E7 01")
    (place.state / "172.20.2.1.json").write_text(text)
    use = place.use()
    assert (use.live, use.unknown) == ({}, ["pi-2-1"])


def test_other_files_are_no_reports(place: Place) -> None:
    for name in (".172.20.2.1.json", "pi-2-1.json", "172.20.2.1.json.tmp", "172.20.2.01.json"):
        (place.state / name).write_text('{"name": "pi-2-1", "image": "v1"}')
    assert place.use().live == {}


# ---- pruning


def test_what_is_used_or_new_stays(place: Place) -> None:
    place.versions("v0", "v1", "v2", "v3", "v4", "v5", "v6")
    act = place.modules["switch"].carry_out
    act(place.store, "promote", "v2", "all")
    act(place.store, "promote", "v3", "all")
    place.report("172.20.2.1", name="pi-2-1", image="v4")
    going, staying = place.prune(1)
    assert going == ["v5", "v0"]
    assert staying == {
        "v6": ["one of the newest"],
        "v4": ["used by pi-2-1"],
        "v3": ["current points to it", "canary points to it"],
        "v2": ["previous points to it"],
        "v1": ["planned for pi-3-1"],
    }
    assert place.store.names() == place.store.staged_names() == ["v1", "v2", "v3", "v4", "v6"]
    assert place.prune(1)[0] == []


def test_what_a_link_of_the_tftp_server_leads_to_stays(place: Place) -> None:
    place.versions("v0", "v1", "v2", "v3", "v4")
    links = place.store.staged.with_name("nodes")
    links.mkdir()
    for name, target in (
        ("172.20.1.1", "canary"), ("172.20.2.1", "v2"), ("172.20.3.1", "v1"), ("172.20.9.1", "v3"),
        (".new", "v0"),
    ):  # fmt: skip
        (links / name).symlink_to(f"../images/{target}")
    (links / "172.20.2.2").write_text("no link")
    assert place.use().plan == {"v1": ["pi-3-1"], "v2": ["pi-2-1"], "v3": ["172.20.9.1"]}
    assert place.prune(1)[0] == ["v0"]


def test_boot_files_without_a_version_go_too(place: Place) -> None:
    place.versions("v1", "v2")
    (place.store.images / "v2").rename(place.root / "away")
    assert place.prune(1) == (["v2"], {"v1": ["planned for pi-3-1", "one of the newest"]})
    assert place.store.staged_names() == ["v1"]


def test_an_unknown_client_stops_it(place: Place) -> None:
    place.connect("0A0014AC:0801 010214AC:03E7 01")
    with pytest.raises(place.modules["store"].StoreError) as error:
        place.modules["prune"].refuse_unknown(place.use())
    assert str(error.value) == (
        "connected, and nobody knows with which image version: pi-2-1;"
        " wait for their next message, or force it"
    )
    place.report("172.20.2.1", name="pi-2-1", image="v1")
    place.modules["prune"].refuse_unknown(place.use())


def test_a_killed_prune_leaves_no_half_version(place: Place) -> None:
    place.versions("v0", "v2", "v3")
    prune, store = place.modules["prune"], place.store
    kills = 0
    for _ in runs_killed(lambda: prune.remove(store, ["v2", "v0"])):
        kills += 1
        for version in store.versions(everything=True):
            assert version.damage == "", version
        for name in store.staged_names():
            assert store.is_published(name, store.manifest(name))
    assert kills > 8
    assert sorted(path.name for path in store.images.iterdir()) == ["v3"]
    assert sorted(path.name for path in store.staged.iterdir()) == ["v3"]


def test_nothing_is_removed_with_something_mounted_inside(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.versions("v0")
    mounts = f"proc {place.store.images}/v0/root/proc proc rw 0 0\n"
    original = Path.read_text

    def read(path: Path, *words: Any, **more: Any) -> str:
        return mounts if str(path) == "/proc/self/mounts" else original(path, *words, **more)

    monkeypatch.setattr(Path, "read_text", read)
    with pytest.raises(place.modules["store"].StoreError, match="is mounted inside"):
        place.modules["prune"].remove(place.store, ["v0"])
    assert place.store.names() == place.store.staged_names() == ["v0"]


# ---- the modules


def test_the_modules(run_modules: RunModules, place: Place) -> None:
    place.versions("v1", "v2", "v3")
    place.modules["switch"].carry_out(place.store, "promote", "v3", "all")
    place.report("172.20.2.1", name="pi-2-1", image="v3")
    roots = {"export_root": str(place.root / "export"), "tftp_root": str(place.root / "tftp")}
    where = {**roots, "nodes": str(place.nodes), "state_dir": str(place.state)}
    absent = {**where, "nodes": "/nonexistent/nodes.csv"}
    (place.store.images / "v1" / "root" / "mine").touch()
    looked, verified, unplanned, checked, pruned, again, refused = run_modules(
        [
            ("image_info", where, False),
            ("image_info", {**where, "verify": True, "version": "v1"}, False),
            ("image_info", absent, False),
            ("image_prune", {**where, "keep": 1}, True),
            ("image_prune", {**where, "keep": 1}, False),
            ("image_prune", {**where, "keep": 1}, False),
            ("image_prune", absent, False),
        ]
    )
    assert [(v["name"], v["published"], v["damage"]) for v in looked["versions"]] == [
        ("v3", True, ""), ("v2", True, ""), ("v1", True, ""),
    ]  # fmt: skip
    assert looked["versions"][0]["manifest"] == dict(place.store.manifest("v3").data)
    assert looked["pointers"] == {"current": "v3", "canary": "v3"}
    assert looked["plan"] == {
        "canary": ["pi-1-1"], "current": ["pi-2-1", "pi-2-2"], "v1": ["pi-3-1"],
    }  # fmt: skip
    assert (looked["live"], looked["plan_error"]) == ({"v3": ["pi-2-1"]}, "")
    assert [v["damage"] for v in verified["versions"]] == [
        "image version v1 is damaged: root: mine is new"
    ]
    assert "cannot be read" in unplanned["plan_error"]
    assert len(unplanned["versions"]) == 3
    assert [r["removed"] for r in (checked, pruned, again)] == [["v2"], ["v2"], []]
    assert [r["changed"] for r in (checked, pruned, again)] == [True, True, False]
    assert pruned["diff"] == checked["diff"] == {"before": "v1\nv2\nv3\n", "after": "v1\nv3\n"}
    assert place.store.names() == ["v1", "v3"]
    assert refused["failed"]
    assert "run site.yml" in refused["msg"]


def test_a_version_is_brought_to_another_server(run_modules: RunModules, place: Place) -> None:
    place.versions("v1", "v2")
    tree = place.store.images / "v1" / "root"
    os.setxattr(tree / "etc" / "os-release", "user.note", b"kept")
    there = place.root / "other"
    tar, bad = str(place.root / "packed" / "v1.tar"), str(place.root / "packed" / "bad.tar")
    own = {"export_root": str(place.root / "export")}
    other = {"export_root": str(there), "version": "v1"}
    (place.root / "packed").mkdir()
    Path(tar).write_text("left by a run that failed")
    results = run_modules(
        [
            ("image_pack", {**own, "version": "v1", "dest": tar}, True),
            ("image_pack", {**own, "version": "v1", "dest": tar}, False),
            ("image_pack", {**own, "version": "v1", "dest": tar}, False),
            ("image_pack", {**own, "version": "v2", "dest": bad}, False),
            ("image_receive", {**other, "src": bad}, False),
            ("image_receive", {**other, "src": "/nonexistent.tar"}, False),
            ("image_receive", {**other, "src": tar}, True),
            ("image_receive", {**other, "src": tar}, False),
            ("image_receive", {**other, "src": tar}, False),
        ]
    )
    changed = [result["changed"] for result in results]
    assert changed == [True, True, True, True, False, False, True, True, False]
    assert "there is no image version v1" in results[4]["msg"]
    assert "cannot unpack /nonexistent.tar" in results[5]["msg"]
    assert sorted(path.name for path in (there / "images").iterdir()) == ["v1"]
    received = place.modules["store"].ImageStore(there, place.root / "tftp")
    received.check("v1", everything=True)
    assert os.getxattr(there / "images/v1/root/etc/os-release", "user.note") == b"kept"


def test_a_spoilt_version_is_not_received(run_modules: RunModules, place: Place) -> None:
    place.versions("v1")
    tar = str(place.root / "v1.tar")
    (place.store.images / "v1" / "root" / "mine").touch()
    there = place.root / "other"
    _, refused = run_modules(
        [
            ("image_pack", {"export_root": str(place.root / "export"), "version": "v1",
                            "dest": tar}, False),
            ("image_receive", {"export_root": str(there), "version": "v1", "src": tar}, False),
        ]
    )  # fmt: skip
    assert refused["msg"] == "image version v1 is damaged: root: mine is new"
    assert list((there / "images").iterdir()) == []

"""What a workload's folder may hold, and that packing it gives the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stocked import Servers

from picluster.errors import PiclusterError
from picluster.rollout.pack import Parts, pack


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"workload": "My App"}, "is no name of a workload"),
        ({"workload": "a;reboot"}, "is no name of a workload"),
        ({"version": "1 2"}, "is no version"),
        ({"version": "$(id)"}, "is no version"),
        (
            {"conf": {"memory_mib": "lots"}},
            "of a workload's settings: 'memory_mib=lots'",
        ),
        ({"conf": {"user": "root;id"}}, "not a line of a workload's settings"),
        ({"conf": {"privileged": "yes"}}, "privileged=yes without user=root"),
        ({"conf": {"privileged": "yes", "user": "nobody"}}, "privileged=yes without user=root"),
        ({"conf": {"privileged": "perhaps", "user": "root"}}, "'privileged=perhaps'"),
        ({"add": "secret"}, "secret is made when it is delivered"),
        ({"settings": {"a": "1"}}, "not a setting of a workload"),
        ({"settings": {"A": "1\nB=2"}}, "not a setting of a workload"),
        ({"files": {"../x": "run"}}, "is no file of a workload"),
        ({"share": {"/etc": "run"}}, "is no name"),
        ({"remove": "run"}, "has no run"),
        ({"add": "a b"}, "'a b' is no file of a workload"),
        ({"add": "settings"}, "settings is made when it is delivered"),
    ],
)
def test_what_is_no_workload_is_not_packed(
    tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    folder = tmp_path / "w"
    folder.mkdir()
    for name in ("run", "workload.conf"):
        (folder / name).touch()
    if "remove" in change:
        (folder / change.pop("remove")).unlink()
    if "add" in change:
        (folder / change.pop("add")).touch()
    names = change.pop("workload", "a"), change.pop("version", "1")
    for key in ("files", "share"):
        if key in change:
            change[key] = {name: folder / path for name, path in change[key].items()}
    with pytest.raises(PiclusterError, match=why):
        pack(*names, Parts(folder, **change), tmp_path / "a.tar")
    assert not (tmp_path / "a.tar").exists()


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    servers.deliver("1", memory_mib=5)
    source = tmp_path / "source-hello-1"
    archives = [tmp_path / "x.tar", tmp_path / "y.tar"]
    parts = Parts(source, files={"app.jar": source / "run"}, settings={"B": 2, "A": 1})
    digests = {pack("hello", "1", parts, archive).digest for archive in archives}
    assert len(digests) == 1
    assert archives[0].read_bytes() == archives[1].read_bytes()
    other = Parts(source, files={"app.jar": source / "run"}, settings={"B": 2, "A": 2})
    assert pack("hello", "1", other, archives[0]).digest not in digests


def test_root_alone_may_be_privileged(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    folder.mkdir()
    (folder / "run").touch()
    (folder / "workload.conf").write_text("user=nobody\nprivileged=yes\n")
    with pytest.raises(PiclusterError, match="privileged=yes without user=root"):
        pack("a", "1", Parts(folder), tmp_path / "a.tar")
    pack("a", "1", Parts(folder, conf={"user": "root"}), tmp_path / "a.tar")
    pack("a", "1", Parts(folder, conf={"privileged": "no"}), tmp_path / "a.tar")

"""Names and directories of a head."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from twin.head import container
from twin.head.places import Places, check_name, file_system


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "a/b", "..", "a" * 25, "a\n", "ä"])
def test_a_name_that_could_leave_its_directory_is_refused(name: str) -> None:
    with pytest.raises(PiclusterError, match="not a name for a head"):
        check_name(name)


def test_the_file_system_of_a_path_is_known() -> None:
    assert file_system(Path("/proc/self")) == "proc"
    assert file_system(Path("/dev/shm")) == "tmpfs"


def test_exports_on_a_file_system_without_handles_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build = Path("/dev/shm/picluster-test-places")
    monkeypatch.setenv("PICLUSTER_BUILD_DIR", str(build))
    try:
        with pytest.raises(PiclusterError, match=r"tmpfs .*PICLUSTER_BUILD_DIR"):
            Places("x").make()
    finally:
        for path in sorted(build.rglob("*"), reverse=True):
            path.rmdir()
        build.rmdir()


def test_everything_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(PiclusterError) as caught:
        container.check_machine()
    message = str(caught.value)
    named = re.search(r"apt-get install (.*)", message)
    assert named is not None
    assert named[1].split() == sorted(set(container.NEEDED.values()))


def test_a_caller_without_root_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(PiclusterError, match="run this as root"):
        container.check_machine()

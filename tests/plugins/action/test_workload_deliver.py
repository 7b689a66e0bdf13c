"""Workloads reach a boot server once, whole, under a version that never changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local_play import results

from tests.conftest import REPOSITORY

ROLE = REPOSITORY / "roles" / "workload_example"


@dataclass
class Delivery:
    """A play that delivers to this machine."""

    folder: Path

    @property
    def place(self) -> Path:
        return self.folder / "export" / "workloads" / "artefacts" / "example"

    def run(self, *words: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Its exit status, and what the task said."""
        arguments = {
            "name": "example",
            "version": "1",
            "source": str(ROLE / "files" / "workload"),
            "settings": {"GREETING": "hello"},
            "export_root": str(self.folder / "export"),
            **options,
        }
        task = {"workload_deliver": arguments, "name": "deliver"}
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [task]}
        book = self.folder / "play.yml"
        book.write_text(json.dumps([play]))
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c",
             "local", "-e", f"ansible_python_interpreter={sys.executable}", str(book), *words],
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
                "ANSIBLE_LOG_PATH": str(self.folder / "log"),
                "XDG_STATE_HOME": str(self.folder / "state"),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
                "ANSIBLE_INVENTORY_ENABLED": "host_list",
            },
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
        (result,) = found["plays"][0]["tasks"][0]["hosts"].values()
        return done.returncode, result


@pytest.fixture
def delivery(tmp_path: Path) -> Delivery:
    return Delivery(tmp_path)


def test_a_version_is_brought_once(delivery: Delivery) -> None:
    status, said = delivery.run("--check")
    assert (status, said["changed"], delivery.place.exists()) == (0, True, False)
    status, said = delivery.run()
    assert (status, said["changed"]) == (0, True)
    files = {path.name: path.stat().st_mode & 0o777 for path in (delivery.place / "1").iterdir()}
    assert files == {
        "SHA256SUMS": 0o644, "check": 0o755, "run": 0o755, "settings": 0o644,
        "workload.conf": 0o644,
    }  # fmt: skip
    assert (delivery.place / "1").stat().st_mode & 0o777 == 0o755
    assert (delivery.place / "1" / "settings").read_text() == "GREETING=hello\n"
    assert (delivery.place / "latest").read_text() == "1\n"
    before = (delivery.place / "1").stat().st_mtime_ns
    status, said = delivery.run()
    assert (status, said["changed"]) == (0, False)
    assert (delivery.place / "1").stat().st_mtime_ns == before
    assert sorted(path.name for path in delivery.place.iterdir()) == ["1", "latest"]


def test_a_version_never_changes(delivery: Delivery) -> None:
    delivery.run()
    status, said = delivery.run(settings={"GREETING": "hi"})
    assert status == 2
    assert "is there with another content" in said["msg"]
    assert (delivery.place / "1" / "settings").read_text() == "GREETING=hello\n"
    status, said = delivery.run(settings={"GREETING": "hi"}, version="2")
    assert (status, (delivery.place / "latest").read_text()) == (0, "2\n")
    # an older one again is the one that is meant, and is not brought again
    status, said = delivery.run()
    assert (status, said["changed"], (delivery.place / "latest").read_text()) == (0, True, "1\n")


def test_what_a_killed_delivery_left_is_removed(delivery: Delivery) -> None:
    left = delivery.place / ".delivering-abc"
    left.mkdir(parents=True)
    (left / "run").touch()
    assert delivery.run()[0] == 0
    assert not left.exists()


def test_secrets_are_roots_alone_and_are_never_shown(delivery: Delivery) -> None:
    secret = delivery.folder / "pin"
    status, said = delivery.run("--check", secrets={"pin": str(secret)})
    assert (status, said["changed"]) == (0, True)  # an earlier task of the play makes it
    secret.write_text("unmistakable-1234\n")
    secret.chmod(0o640)
    status, said = delivery.run(secrets={"pin": str(secret)})
    assert (status, "may be read or written by others: its mode is 0640" in said["msg"]) == (
        2,
        True,
    )
    assert not delivery.place.exists()
    secret.chmod(0o600)
    shown = []
    for changed in (True, False):
        status, said = delivery.run("-vvvv", "--diff", secrets={"pin": str(secret)})
        assert (status, said["changed"]) == (0, changed)
        shown.append(json.dumps(said))
    place = delivery.place / "1" / "secret"
    assert place.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in place.iterdir()} == {
        "SHA256SUMS": 0o600, "pin": 0o600, "salt": 0o600,
    }  # fmt: skip
    assert (place / "pin").read_text() == "unmistakable-1234\n"
    shown.append((delivery.folder / "log").read_text())
    assert "unmistakable" not in "".join(shown)
    # another value is another version
    secret.write_text("unmistakable-4321\n")
    status, said = delivery.run(secrets={"pin": str(secret)})
    assert (status, "is there with another content" in said["msg"]) == (2, True)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"name": "a;reboot"}, "is no name of a workload"),
        ({"version": "$(reboot)"}, "is no version"),
        ({"settings": {"lower": 1}}, "not a setting of a workload"),
        ({"settings": "GREETING"}, "settings is no dictionary"),
        ({"source": "/nowhere"}, "cannot read the workload"),
        ({"files": {"app.jar": "/nowhere/app.jar"}}, "is no file of a workload"),
    ],
)
def test_what_is_no_workload_is_refused(
    delivery: Delivery, options: dict[str, Any], why: str
) -> None:
    status, said = delivery.run(**options)
    assert (status, why in said["msg"]) == (2, True), said
    assert not delivery.place.exists()


@pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK here")
def test_a_jar_is_built_with_the_same_bytes(delivery: Delivery) -> None:
    source = REPOSITORY / "roles" / "workload_java_app" / "files" / "primes"
    task = {"java_jar": {"source": str(source), "main_class": "Primes"}, "register": "built"}
    show = {"ansible.builtin.debug": {"var": "built.sha256"}}
    told = results(delivery.folder, task, show, task, show)
    sums = [result["built.sha256"] for result in told if "built.sha256" in result]
    assert len(sums) == 2
    assert len(set(sums)) == 1

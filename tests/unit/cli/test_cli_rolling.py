"""What ``picluster reboot``, ``run`` and ``logs`` refuse before any playbook runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from commanding import picluster as picluster_command

import picluster.runner
from picluster.runner import End, NodeResult, RunResult
from tests.conftest import MakeDescription

REGISTRY = "bank,slot,mac\n1,1,b8:27:eb:00:01:01\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("run", "--limit", "@x", "--", "true"), "is no pattern of hosts"),
        (("run", "--seconds", "0", "--", "true"), "0 s is no time for a command"),
        (("run", "--kib", "0", "--", "true"), "0 bytes is no size"),
        (("run", "--", " "), "' ' is no command"),
        (("reboot", "--limit", "a b"), "is no pattern of hosts"),
        (("logs", "bank_7"), "no node and no group of nodes is called 'bank_7'"),
        (("logs", "pi-1-1", "--since", "1 h; reboot"), "is no time"),
        (("logs", "pi-1-1", "--unit", "-a"), "is no name of a unit"),
        (("logs", "pi-1-1", "--to", "FILE"), "is no folder"),
    ],
)
def test_what_is_refused(
    description: MakeDescription, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    cluster = description(registry=REGISTRY)
    (tmp_path / "file").write_text("")
    name, *rest = [str(tmp_path / "file") if word == "FILE" else word for word in words]
    if name == "logs" and "--unit" in rest:
        rest = [*rest[:-2], f"--unit={rest[-1]}"]
    done = picluster_command(name, "-i", cluster, *rest)
    assert (done.returncode, why in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "logs").exists()


def test_a_reboot_that_was_interrupted_has_its_sums(
    description: MakeDescription, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {"pi-1-1": "ok", "pi-1-2": "open", "pi-2-1": "untouched", "pi-2-2": "untouched"}
    nodes = tuple(NodeResult(name, 1, 1, "", state) for name, state in states.items())
    found = RunResult("reboot", "small", End.CANCELLED, 130, nodes)
    monkeypatch.setattr(picluster.runner, "reboot", lambda *_, **__: found, raising=False)
    done = picluster_command("reboot", "-i", description(registry=REGISTRY))
    assert (done.returncode, done.stdout) == (130, "reboot: 1 ok, 1 open, 2 untouched\n")

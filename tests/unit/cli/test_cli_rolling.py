"""What ``picluster reboot``, ``run`` and ``logs`` refuse before any playbook runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from commanding import picluster

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
    done = picluster(name, "-i", cluster, *rest)
    assert (done.returncode, why in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "logs").exists()

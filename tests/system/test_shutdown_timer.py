"""The timer that shuts the cluster down, on a head with systemd."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from head_support import MINI

from twin.head import container
from twin.head.playbook import play

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.head import Head
    from twin.head.playbook import Outcome

pytestmark = pytest.mark.timeout(600)
COMMAND = "/opt/picluster/.venv/bin/picluster"
#: Tells what it was called with, instead of the command.
STAND_IN = b"""#!/bin/sh
echo "$@" > /opt/picluster/called
echo "$PICLUSTER_PDU_PASSWORD $PICLUSTER_PROJECT $(id -un)" >> /opt/picluster/called
"""
BOOK = "- hosts: head\n  gather_facts: false\n  roles: [{role: shutdown_timer}]\n"


@pytest.fixture(name="book")
def playbook(tmp_path: Path) -> str:
    path = tmp_path / "timer.yml"
    path.write_text(BOOK)
    return str(path)


@pytest.fixture(name="clean")
def clean_head(configured_head: Head) -> Iterator[Head]:
    """The session's head, left as it was."""
    yield configured_head
    configured_head.exec(["rm", "-rf", "/opt/picluster", "/etc/picluster/power.env"])


def run(head: Head, book: str, *words: str) -> Outcome:
    return play(head, MINI, playbook=book, args=[*words])


def state(head: Head) -> tuple[str, str]:
    """Whether the timer is enabled and active."""
    words = ([word, "picluster-shutdown.timer"] for word in ("is-enabled", "is-active"))
    enabled, active = (head.run(["systemctl", *one]).stdout.decode().strip() for one in words)
    return enabled, active


def test_the_timer_comes_runs_and_goes(clean: Head, book: str) -> None:
    on = ["-e", "shutdown_timer_enabled=true", "-e", '{"shutdown_timer_banks": [1, 2]}']
    refused = run(clean, book, *on)
    assert refused.status != 0
    assert f"{COMMAND} is not on this machine; install the project there" in refused.explain()
    container.put(clean.places.container, {COMMAND: (STAND_IN, 0o755)})
    assert run(clean, book, *on, "--check").status == 0
    assert state(clean)[1] == "inactive"
    first = run(clean, book, *on)
    assert first.status == 0, first.explain()
    assert state(clean) == ("enabled", "active")
    assert clean.exec(["stat", "-c", "%a %U", "/etc/picluster/power.env"]) == "600 root\n"
    clean.exec(["sh", "-c", "echo PICLUSTER_PDU_PASSWORD=word > /etc/picluster/power.env"])
    assert run(clean, book, *on).changed() == []
    clean.exec(["systemctl", "start", "picluster-shutdown.service"])
    called = clean.copy_out("/opt/picluster/called").decode().splitlines()
    assert called[0].startswith("shutdown -i /")
    assert called[0].endswith("/cluster.picluster.yml --bank 1 --bank 2")
    assert called[1] == "word /opt/picluster root"
    assert b"word" not in clean.run(["journalctl", "-u", "picluster-shutdown"]).stdout
    off = run(clean, book)
    assert off.status == 0, off.explain()
    assert state(clean)[1] == "inactive"
    left = clean.exec(["find", "/etc/systemd", "-name", "picluster-shutdown*"])
    assert left == ""
    assert clean.copy_out("/etc/picluster/power.env") == b"PICLUSTER_PDU_PASSWORD=word\n"
    assert run(clean, book).changed() == []

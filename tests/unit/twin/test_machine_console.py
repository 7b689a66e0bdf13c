"""The console of a machine: what is waited for, when it came, and what is said when it does not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from picluster.errors import PiclusterError
from twin.machine.console import Console
from twin.machine.told import overlay_s

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Machine:
    """What prints, and the console that reads it."""

    def __init__(self, log: Path) -> None:
        read, self.write = os.pipe()
        self.stream = os.fdopen(read, "rb", buffering=0)
        self.echoed: list[str] = []
        self.console = Console(self.stream, log, echo=self.echoed.append)

    def say(self, text: str) -> None:
        os.write(self.write, text.encode())

    def end(self) -> None:
        if self.write >= 0:
            os.close(self.write)
            self.write = -1


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "console.log")
    yield made
    made.end()
    made.console.join()
    made.stream.close()


def test_a_pattern_is_found_over_pieces_with_its_time(machine: Machine, tmp_path: Path) -> None:
    machine.say("[ 1.5] picluster: up\r\npi-1-1 lo")
    first = machine.console.wait(r"^\[ *([0-9.]+)\] picluster", 5)
    before = machine.console.now()
    machine.say("gin: ")
    second = machine.console.wait(r"^pi-1-1 login:", 5)
    assert first.groups == ("1.5",)
    assert first.at_s <= before <= second.at_s <= machine.console.now()
    machine.end()
    machine.console.join()
    assert (tmp_path / "console.log").read_bytes() == b"[ 1.5] picluster: up\r\npi-1-1 login: "
    assert "".join(machine.echoed) == "[ 1.5] picluster: up\npi-1-1 login: "


def test_what_came_before_does_not_count_when_asked(machine: Machine) -> None:
    machine.say("login: ")
    seen = machine.console.wait("login:", 5)
    with pytest.raises(PiclusterError, match="not within 0 s"):
        machine.console.wait("login:", 0.1, after_s=seen.at_s)
    machine.say("login: ")
    assert machine.console.wait("login:", 5, after_s=seen.at_s).at_s > seen.at_s


def test_a_machine_that_ends_is_not_waited_for(machine: Machine) -> None:
    machine.say("Kernel panic\n")
    machine.end()
    with pytest.raises(
        PiclusterError, match=r"'login:' did not come \(the machine ended\)"
    ) as told:
        machine.console.wait("login:", 60)
    assert str(told.value).endswith("Kernel panic\n")


def test_the_overlay_has_the_kernels_time() -> None:
    line = "[    4.071234] picluster: root is 172.20.0.10:/srv/x, overlay on\n"
    assert overlay_s(f"[    0.0] Booting\n{line}") == pytest.approx(4.071234)
    assert overlay_s(line.replace("overlay on", "overlay off")) is None

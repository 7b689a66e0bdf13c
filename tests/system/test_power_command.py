"""Drivers ``command`` and ``manual``: programs of the user's, and a person."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from power_support import LOOPBACK, cycle, drive, look, message, turn

from picluster.cluster.model import Pdu
from picluster.power.driver import FinalError, PowerSession
from picluster.power.drivers.context import Surroundings

AROUND = Surroundings(environ={})

#: A relay board that keeps its state in files.
RELAY = """
import pathlib, sys
folder, action, outlet, *more = sys.argv[1:]
file = pathlib.Path(folder, outlet)
with pathlib.Path(folder, "log").open("a") as log:
    print(action, outlet, *more, file=log)
if action in ("on", "off"):
    file.write_text(action)
elif action == "status":
    print(file.read_text() if file.exists() else "OFF")
else:
    sys.exit(action)
"""

Make = Callable[..., Pdu]


@pytest.fixture
def relay(tmp_path: Path) -> Make:
    script = tmp_path / "relay.py"
    script.write_text(RELAY)

    def make(limit_s: float = 10.0, **commands: list[str] | None) -> Pdu:
        start = [sys.executable, str(script), str(tmp_path)]
        argv = {action: [*start, action, "{outlet}"] for action in ("on", "off", "status")}
        changed = {**argv, **commands}
        return Pdu(
            "relay-1",
            LOOPBACK,
            "command",
            timeout_s=limit_s,
            commands={action: tuple(words) for action, words in changed.items() if words},
        )

    return make


def log(tmp_path: Path) -> list[str]:
    return (tmp_path / "log").read_text().splitlines()


def test_programs_switch_and_tell(relay: Make, tmp_path: Path) -> None:
    pdu = relay()

    async def use(session: PowerSession) -> list[str]:
        before = await look(session)
        await session.switch(2, on=True)
        return [before, await look(session)]

    assert drive(pdu, AROUND, use) == ["000", "010"]
    drive(pdu, AROUND, cycle(2))
    assert [line for line in log(tmp_path) if "status" not in line] == ["on 2", "off 2", "on 2"]


def test_words_are_never_read_by_a_shell(relay: Make, tmp_path: Path) -> None:
    start = [sys.executable, str(tmp_path / "relay.py"), str(tmp_path)]
    words = [*start, "on", "{outlet}", "$(id); {pdu} | {address}", "{outlet}{outlet}"]
    drive(relay(on=words, status=None), AROUND, turn(7, on=True))
    assert log(tmp_path) == ["on 7 $(id); relay-1 | 127.0.0.1 77"]


def test_without_a_status_command_nothing_is_known(relay: Make) -> None:
    pdu = relay(status=None)
    drive(pdu, AROUND, turn(1, on=True))
    assert drive(pdu, AROUND, look) == "???"


def test_a_cycle_command_of_its_own(relay: Make, tmp_path: Path) -> None:
    start = [sys.executable, str(tmp_path / "relay.py"), str(tmp_path)]
    drive(relay(cycle=[*start, "on", "{outlet}", "by-itself"]), AROUND, cycle(3))
    assert log(tmp_path) == ["on 3 by-itself"]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("commands", "what"),
    [
        ({"on": python("import sys; sys.exit('no \\x1b[31mrelay')")},
         "the on command ended with status 1: 'no \\x1b[31mrelay' (on outlet 2, after T s); run it "
         "by hand"),
        ({"status": python("print('perhaps')")},
         "the status command printed 'perhaps' (status outlet 2, after T s); let it print on or "
         "off"),
        ({"status": python("print('off')")},
         "outlet 2 was switched on and is off 8 s later (status outlet 2, after T s); look at the "
         "PDU: a delay, an interlock or a stuck relay"),
    ],
)  # fmt: skip
def test_programs_that_fail(relay: Make, commands: dict[str, list[str]], what: str) -> None:
    pdu = relay(20.0, **commands)
    assert message(pdu, AROUND, turn(2, on=True), dead=False) == f"relay-1: command: {what}"


def test_a_program_that_is_not_there(relay: Make) -> None:
    text = message(relay(on=["/nowhere/relay"]), AROUND, turn(2, on=True))
    assert text == (
        "relay-1: command: cannot run '/nowhere/relay': No such file or directory (on outlet 2, "
        "after T s); install it"
    )


def test_a_program_that_hangs_ends_with_all_it_started(relay: Make, tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    begin = time.monotonic()
    text = message(relay(2.0, on=python(code)), AROUND, turn(2, on=True))
    assert text.startswith("relay-1: command: no complete answer within 2 s (on outlet 2")
    assert time.monotonic() - begin < 30
    pid = int((tmp_path / "pid").read_text())
    for _ in range(50):
        if not _runs(pid):
            break
        time.sleep(0.1)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_program_that_floods_is_read_to_its_end(relay: Make) -> None:
    code = "import sys; sys.stdout.write('x' * 5_000_000)"
    text = message(relay(status=python(code)), AROUND, turn(2, on=True), dead=False)
    assert text.startswith("relay-1: command: the status command printed 'xxx")
    assert len(text) < 300


def person(*answers: str) -> tuple[Surroundings, list[str]]:
    asked: list[str] = []
    left = list(answers)

    async def ask(question: str) -> str:
        asked.append(question)
        await asyncio.sleep(0)
        return left.pop(0)

    return Surroundings(loads={"strip:1": "bank_1"}, environ={}, ask=ask), asked


STRIP = Pdu("strip", driver="manual")


def test_a_person_switches_and_says_so() -> None:
    around, asked = person("y", "YES", "done")
    drive(STRIP, around, turn(1, on=True))
    drive(STRIP, around, turn(2, on=False))
    drive(STRIP, around, cycle(1, 10))
    assert asked == [
        "By hand, please: switch outlet strip:1 (bank_1) ON. Done? [y/N] ",
        "By hand, please: switch outlet strip:2 OFF. Done? [y/N] ",
        "By hand, please: switch outlet strip:1 (bank_1) OFF, wait 10 s, and switch it ON. Done? "
        "[y/N] ",
    ]
    assert drive(STRIP, around, look) == "???"


@pytest.mark.parametrize("answer", ["", "n", "no", "maybe"])
def test_a_person_who_does_not(answer: str) -> None:
    around, _ = person(answer)
    with pytest.raises(FinalError, match="strip: the operator did not switch outlet 1; answer y"):
        drive(STRIP, around, turn(1, on=True))


def test_nobody_is_there() -> None:
    with pytest.raises(FinalError) as caught:
        drive(STRIP, replace(person()[0], ask=None), turn(1, on=True))
    assert str(caught.value) == (
        "strip: nobody is at a terminal to switch outlet strip:1 (bank_1) ON; run picluster power "
        "in a terminal, or describe a driver for the PDU"
    )

"""Which banks Slurm may switch off, and the program that switches them for it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

import slurm_power
from slurm_nodes import free_banks, idle_banks, parse_nodes
from slurm_switch import answer

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 5, 12, 0).astimezone().timestamp()
#: As Slurm 22.05 prints them, shortened.
LINE = (
    "NodeName={name} Arch=aarch64 CoresPerSocket=4  CPUAlloc=0 State={state} ThreadsPerCore=1 "
    "Partitions=all,bank_1  BootTime=2026-01-05T08:00:00 LastBusyTime={busy} CfgTRES=cpu=4 "
    "AveWatts=0 Reason={reason} [root@2026-01-05T11:00:00]"
)


def show(*nodes: tuple[str, str, str, str]) -> str:
    """Lines of nodes: name, state, time of the day it was busy last, reason."""
    return "\n".join(
        LINE.format(name=name, state=state, busy=f"2026-01-05T{busy}", reason=reason)
        for name, state, busy, reason in nodes
    )


def idle(*nodes: tuple[str, str, str, str]) -> list[int]:
    return idle_banks(parse_nodes(show(*nodes)), {1, 2}, NOW, 1800)


IDLE = ("pi-1-1", "IDLE", "11:29:59", "")


def test_a_bank_is_idle_when_all_of_it_has_been_for_so_long() -> None:
    assert idle(IDLE, ("pi-1-2", "IDLE", "11:30:00", "")) == [1]
    assert idle(IDLE, ("pi-1-2", "IDLE", "11:30:01", "")) == []
    assert idle(IDLE, ("pi-1-2", "IDLE", "Unknown", "")) == []
    assert idle(IDLE, ("pi-2-1", "IDLE", "09:00:00", "")) == [1, 2]
    assert idle(IDLE, ("pi-3-1", "IDLE", "09:00:00", "")) == [1]


@pytest.mark.parametrize(
    ("state", "reason", "found"),
    [
        ("ALLOCATED", "", []),
        ("MIXED", "", []),
        ("IDLE+COMPLETING", "", []),
        ("IDLE+POWERING_UP", "", []),
        ("DOWN+POWERING_UP", "", []),
        ("ALLOCATED+POWER_DOWN+NOT_RESPONDING", "", []),
        ("IDLE+PLANNED", "", []),
        ("IDLE+MAINT+RESERVED", "", []),
        ("IDLE+NOT_RESPONDING", "", []),
        ("IDLE*", "", []),
        ("UNKNOWN+NOT_RESPONDING", "", []),
        ("IDLE+DRAIN", "a screwdriver is in it", []),
        ("IDLE+DRAIN", "picluster-power", [1]),
        ("DOWN+NOT_RESPONDING", "Not responding", [1]),
        ("DOWN*", "Not responding", [1]),
        ("IDLE+POWERED_DOWN", "", [1]),
        ("IDLE+POWERING_DOWN", "", [1]),
    ],
)
def test_a_node_that_somebody_needs_keeps_its_bank_on(
    state: str, reason: str, found: list[int]
) -> None:
    assert idle(IDLE, ("pi-1-2", state, "09:00:00", reason)) == found


def test_a_bank_is_free_when_none_of_its_nodes_can_be_missed() -> None:
    asleep = ("pi-1-1", "IDLE+POWERING_DOWN", "09:00:00", "")
    found = parse_nodes(show(asleep, ("pi-1-2", "IDLE", "09:00:00", ""), ("pi-2-1", *asleep[1:])))
    assert free_banks(found, {1, 2, 3}) == [2]
    assert parse_nodes("No nodes in the system\n\n") == []
    # it cannot be told from nothing that it is free
    assert idle_banks([], {1}, NOW, 0) == []


OPEN = "IDLE+DRAIN"
LOST = "DOWN+DRAIN+NOT_RESPONDING"


@pytest.mark.parametrize(
    ("states", "said"),
    [
        # nothing was cut yet, and nobody came: it is ended as it was begun
        ((OPEN, OPEN), ["off 1", "pi-1-1,pi-1-2 POWER_DOWN", "pi-1-1,pi-1-2 RESUME"]),
        # cut, and seen by Slurm or not yet
        ((LOST, f"{OPEN}+NOT_RESPONDING"),
         ["off 1", "pi-1-1,pi-1-2 POWER_DOWN", "pi-1-1,pi-1-2 RESUME"]),
        # a job came before all were closed
        ((OPEN, "ALLOCATED"), ["pi-1-1 RESUME"]),
        (("IDLE", "ALLOCATED"), []),
    ],
)  # fmt: skip
def test_what_a_watch_that_died_has_closed_is_opened(
    states: tuple[str, str], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    nodes = [(f"pi-1-{slot}", state, "11:59:00", "picluster-power" if "DRAIN" in state else "")
             for slot, state in enumerate(states, 1)]  # fmt: skip
    monkeypatch.setattr(slurm_power, "nodes", lambda: parse_nodes(show(*nodes)))
    monkeypatch.setattr(
        slurm_power, "switch", lambda action, banks, _: done.append(f"{action} {banks[0]}")
    )
    monkeypatch.setattr(
        slurm_power, "mark", lambda names, word, *_: done.append(f"{','.join(names)} {word[6:]}")
    )
    slurm_power.watch({1}, "socket", 1800)
    assert done == said


@pytest.fixture
def program(tmp_path: Path) -> str:
    """Writes its words down; fails for bank 9."""
    path = tmp_path / "picluster"
    path.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > "${0%/*}/words"\n'
        'case "$*" in *bank_9*) echo one; echo "picluster: no outlet" >&2; exit 3;; esac\n'
    )
    path.chmod(0o755)
    return str(path)


BANKS = frozenset({"1", "2", "9"})


def test_what_is_asked_for_is_switched(program: str, tmp_path: Path) -> None:
    assert answer("on bank_1 bank_2\n", BANKS, program, "d.yml") == "ok"
    words = (tmp_path / "words").read_text().split()
    assert words == ["power", "on", "-i", "d.yml", "bank_1", "bank_2"]
    assert answer("off bank_9\n", BANKS, program, "d.yml") == "failed: picluster: no outlet"
    said = answer("on bank_1\n", BANKS, str(tmp_path / "gone"), "d.yml")
    assert said.startswith("failed: [Errno 2]")


@pytest.mark.parametrize(
    "line",
    ["", "on\n", "on bank_1", "cycle bank_1\n", "off all\n", "on bank_1 --yes\n", "on bank_1;ls\n",
     "on bank_\u0661\n", "on bank_1\nbank_2\n", "off pdu-1:1\n", "on  bank_1\n"],
)  # fmt: skip
def test_anything_else_is_refused(program: str, tmp_path: Path, line: str) -> None:
    assert answer(line, BANKS, program, "d.yml") == "refused: not 'on' or 'off' and banks"
    assert answer("off bank_3\n", BANKS, program, "d.yml") == (
        "refused: bank_3 is not Slurm's to switch"
    )
    assert not (tmp_path / "words").exists()

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeDescription
from tests.unit.cli.commanding import A, B, C, picluster

_REGISTRY = f"bank,slot,mac,serial,port,state\n2,3,{B},,,spare\n1,2,{A},d100000a,,\n2,4,,,,\n"

_ROWS = [
    {
        "name": "pi-1-2", "address": "172.20.1.2", "mac": A, "serial": "d100000a", "bank": 1,
        "slot": 2, "row": 1, "rack": 7, "side": "front", "domain": "", "switch": "sw-1",
        "port": "2", "pdu": "", "outlet": "", "boot_server": "small-head", "image": "canary",
        "state": "active",
    },
    {
        "name": "pi-2-3", "address": "172.20.2.3", "mac": B, "serial": "", "bank": 2, "slot": 3,
        "row": 2, "rack": "", "side": "", "domain": "east", "switch": "sw-2", "port": "9",
        "pdu": "", "outlet": "", "boot_server": "small-head", "image": "ol9", "state": "spare",
    },
]  # fmt: skip


@pytest.fixture
def small(description: MakeDescription) -> Path:
    return description(
        bank_rows=2,
        racks=[{"number": 7, "side": "front"}],
        banks=[
            {"number": 1, "size": 4, "switch": "sw-1", "ports": "1-4", "rack": 7},
            {"number": 2, "size": 4, "switch": "sw-2", "ports": "7-10", "domain": "east",
             "image": "ol9"},
        ],
        registry=_REGISTRY,
    )  # fmt: skip


def test_json(small: Path) -> None:
    ran = picluster("plan", "-i", small, "--json")
    assert (ran.returncode, ran.stderr, json.loads(ran.stdout)) == (0, "", _ROWS)
    bank = picluster("plan", "-i", small, "--json", "--bank", 2)
    assert json.loads(bank.stdout) == _ROWS[1:]


def test_csv(small: Path) -> None:
    ran = picluster("plan", "-i", small, "--csv")
    assert list(csv.DictReader(io.StringIO(ran.stdout))) == [
        {key: str(value) for key, value in row.items()} for row in _ROWS
    ]


def test_table(small: Path) -> None:
    lines = picluster("plan", "-i", small).stdout.splitlines()
    assert [line.split() for line in lines] == [
        [column for column in _ROWS[0] if column not in ("pdu", "outlet")],
        f"pi-1-2 172.20.1.2 {A} d100000a 1 2 1 7 front sw-1 2 small-head canary active".split(),
        f"pi-2-3 172.20.2.3 {B} 2 3 2 east sw-2 9 small-head ol9 spare".split(),
        ["2", "nodes", "of", "small", "in", "172.20.0.0/16.", "Canary", "bank", "1."],
    ]


def test_a_sample_says_so(repository: Path) -> None:
    ran = picluster("plan", "-i", repository / "inventory" / "bench")
    assert ran.stdout.endswith(" Its boards are invented: a sample registry.\n")


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_a_reader_that_has_seen_enough(repository: Path, form: list[str]) -> None:
    inventory = repository / "inventory" / "policebox"
    command = [sys.executable, "-m", "picluster", "plan", "-i", str(inventory), *form]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        os.read(ran.stdout.fileno(), 1)
        ran.stdout.close()
        said = ran.stderr.read()
    assert (ran.returncode, said) == (141, b"")


def replace(small: Path, *words: object) -> tuple[int, str, str]:
    ran = picluster("replace", "-i", small, *words)
    return ran.returncode, ran.stderr.replace(f"{small.parent}/", ""), ran.stdout


def registry(small: Path) -> list[str]:
    """The rows, without source and time."""
    rows = csv.reader((small.parent / "macs.csv").read_text().splitlines()[1:])
    return [",".join(row[:8]) for row in rows]


def test_a_new_board_in_an_old_place(small: Path) -> None:
    status, said, shown = replace(small, "pi-1-2", C.upper(), "--serial", "d100000c", "--dry-run")
    assert (status, said) == (0, "")
    assert f"\n-1,2,{A}," in shown
    assert f"\n+1,2,{C},d100000c," in shown
    assert (small.parent / "macs.csv").read_text() == _REGISTRY
    assert replace(small, "pi-1-2", C)[:2] == (0, "")
    assert registry(small) == [f"2,3,{B},,,,,spare", f"1,2,{C},,,,,", "2,4,,,,,,"]
    plan = json.loads(picluster("plan", "-i", small, "--json").stdout)
    assert plan[0] == _ROWS[0] | {"mac": C, "serial": ""}


def test_a_pinned_board_is_moved_only_when_told(small: Path) -> None:
    assert replace(small, "pi-2-4", A) == (
        1, f"picluster: macs.csv:3: {A} is pinned as pi-1-2; --move frees pi-1-2\n", "",
    )  # fmt: skip
    assert (small.parent / "macs.csv").read_text() == _REGISTRY
    assert replace(small, "pi-2-4", A, "--move")[:2] == (0, "")
    assert registry(small) == [f"2,3,{B},,,,,spare", "1,2,,,,,,", f"2,4,{A},d100000a,,,,"]


def test_a_board_put_where_it_is_changes_nothing(small: Path) -> None:
    status, said, shown = replace(small, "pi-2-3", B)
    assert (status, said, shown) == (0, "", f"pi-2-3 has {B} already: nothing to change\n")
    assert (small.parent / "macs.csv").read_text() == _REGISTRY


def test_a_bank_that_is_not_described(small: Path) -> None:
    ran = picluster("plan", "-i", small, "--bank", 1, "--bank", 7)
    assert (ran.returncode, ran.stdout, ran.stderr) == (
        1, "", f"picluster: {small}: no bank 7; described are: 1, 2\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pi-1-5", C], "small.picluster.yml: bank 1 has no slot 5; it has slots 1 to 4"),
        (["pi-3-1", C], "small.picluster.yml: no bank 3; described are: 1, 2"),
        (["node7", C], "not a node's name: 'node7'; write it as pi-<bank>-<slot>"),
        (["pi-1-1", "00:11:22:33:44:55"],
         "small.picluster.yml: 00:11:22:33:44:55 has no OUI of a board; "
         "add its OUI to boards.extra_ouis"),
        (["pi-1-1", C, "--serial", "d10000ff"],
         f"serial d10000ff cannot belong to {C}; "
         "a board of this kind has the same last six digits in both"),
    ],
)  # fmt: skip
def test_replace_refuses(small: Path, words: list[str], said: str) -> None:
    assert replace(small, *words) == (1, f"picluster: {said}\n", "")
    assert (small.parent / "macs.csv").read_text() == _REGISTRY

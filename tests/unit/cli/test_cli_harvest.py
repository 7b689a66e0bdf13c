import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from picluster.cli import main
from picluster.cluster.load import load_cluster
from picluster.harvest.collect import FileSource, file_facts, parse_source
from picluster.harvest.observation import Observation, Remark
from picluster.registry.file import locked
from picluster.registry.rows import COLUMNS
from tests.conftest import MakeDescription
from tests.unit.cli.commanding import STAMP, A, B, C, fdb, offers, picluster

pytestmark = pytest.mark.timeout(60)

_HEADER = ",".join(COLUMNS)
_TITLE = "# Registry of small: the board pinned in each slot."


def row(bank: int, slot: int, mac: str, source: str, seen: str = STAMP) -> str:
    return f"{bank},{slot},{mac},,,,,,{source},{seen},,,,,"


def test_a_new_registry(description: MakeDescription, tmp_path: Path) -> None:
    path = description()
    one = fdb(tmp_path, "sw-1.txt", {A: 1, B: 4, "74:ac:b9:00:00:12": 48})
    two = fdb(tmp_path, "b.txt", {C: 2})
    text = "\n".join(
        [_TITLE, _HEADER, row(1, 1, A, "switch:sw-1.txt"), row(1, 4, B, "switch:sw-1.txt"),
         row(2, 2, C, "switch:b.txt")]
    ) + "\n"  # fmt: skip
    registry = tmp_path / "macs.csv"

    shown = picluster("harvest", "-i", path, one, f"sw-2={two}")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert not registry.exists()
    added = [line[1:] for line in shown.stdout.splitlines() if line[:1] == "+"][1:]
    assert added == text.splitlines()
    assert shown.stdout.endswith(
        "bank  slots  pinned  new  seen\n"
        "   1      4       2    2     2\n"
        "   2      4       1    1     1\n"
        "3 slots changed, not written: --write does; 0 disagreements\n"
    )
    written = picluster("harvest", "-i", tmp_path, one, f"sw-2={two}", "--write")
    assert (written.returncode, registry.read_text()) == (0, text)
    assert "3 slots changed, written; 0 disagreements\n" in written.stdout
    status = registry.stat()
    again = picluster("harvest", "-i", path, one, f"sw-2={two}", "--write")
    assert again.returncode == 0
    assert again.stdout.endswith("0 slots changed; 0 disagreements\n")
    assert "+" not in again.stdout
    assert (registry.stat().st_ino, registry.stat().st_mtime_ns) == (
        status.st_ino, status.st_mtime_ns,
    )  # fmt: skip


def test_disagreements_have_their_own_status(description: MakeDescription, tmp_path: Path) -> None:
    path = description(registry=f"bank,slot,mac\n1,1,{A}\n")
    one = fdb(tmp_path, "sw-1.txt", {A: 2, B: 3})
    ran = picluster("harvest", "-i", path, one, "--write")
    assert ran.returncode == 3
    assert "board moved (1)" in ran.stdout
    assert f"    -> if it did move: --move {A}\n" in ran.stdout
    lines = (tmp_path / "macs.csv").read_text().splitlines()
    assert [line[:21] for line in lines[1:]] == [f"1,1,{A}", f"1,3,{B}"]
    moved = picluster("harvest", "-i", path, one, "--write", "--move", A.upper())
    assert moved.returncode == 0
    lines = (tmp_path / "macs.csv").read_text().splitlines()
    assert [line[:21] for line in lines[1:]] == [f"1,2,{A}", f"1,3,{B}"]


def test_a_dhcpd_log_and_assign(description: MakeDescription, tmp_path: Path) -> None:
    path = description()
    log = offers(tmp_path, {B: "172.20.2.1", A: "172.20.9.9"})
    ran = picluster("harvest", "-i", path, log, "--assign", 2, "--write")
    assert ran.returncode == 3  # both have addresses that are not those of their new slots
    assert (tmp_path / "macs.csv").read_text().splitlines()[2:] == [
        row(2, 1, A, "dhcp:dhcpd.log", "2026-01-31T12:00:01Z"),
        row(2, 2, B, "dhcp:dhcpd.log"),
    ]


def test_standard_input(description: MakeDescription, tmp_path: Path) -> None:
    text = fdb(tmp_path, "b.txt", {C: 2}).read_text()
    ran = picluster("harvest", "-i", description(), "sw-2=-", "--write", stdin=text)
    assert ran.returncode == 0
    pinned = row(2, 2, C, "switch:standard input", "")[:-6]
    assert pinned in (tmp_path / "macs.csv").read_text()


_HOSTILE = 'x"; } host evil { hardware ethernet 02:00:00:00:00:01; } #'


@pytest.mark.parametrize("host", [_HOSTILE, "a\x1b[31mb", "{{ lookup('pipe', 'id') }}", "x" * 9000])
def test_no_byte_of_a_host_name_gets_anywhere(
    description: MakeDescription, tmp_path: Path, host: str
) -> None:
    path = description()
    log = offers(tmp_path, {A: "172.20.1.1"}, host)
    one = fdb(tmp_path, "sw-1.txt", {A: 1})
    ran = picluster("harvest", "-i", path, one, log, "--write")
    assert ran.returncode in (0, 3)
    assert row(1, 1, A, "switch:sw-1.txt") in (tmp_path / "macs.csv").read_text()
    kinds = ("dhcp", "tftp", "exports", "known_hosts")
    rendered = [picluster("render", kind, "-i", path).stdout for kind in kinds]
    outputs = [ran.stderr, (tmp_path / "macs.csv").read_text(), *rendered]
    for mark in ("evil", "\x1b", "lookup", "xxxxxxxx"):
        assert [text for text in outputs if mark in text] == []
    assert "\x1b" not in ran.stdout


@pytest.mark.parametrize("name", ["a\nb.txt", 'a,"b.txt', "a\x1b[31m.txt", b"caf\xe9.txt"])
def test_any_name_of_a_file_leaves_a_registry_that_loads(
    description: MakeDescription, tmp_path: Path, name: str | bytes
) -> None:
    path = description()
    source = tmp_path / os.fsdecode(name)
    fdb(tmp_path, "t", {A: 1, B: 2}).rename(source)
    command = [sys.executable, "-m", "picluster", "harvest", "-i", str(path), "--write"]
    command = [*map(os.fsencode, command), b"sw-1=" + os.fsencode(source)]
    ran = subprocess.run(command, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"\x1b" not in ran.stdout
    assert picluster("plan", "-i", path).returncode == 0
    again = subprocess.run(command, capture_output=True, check=True)
    assert b"0 slots changed; 0 disagreements" in again.stdout


def _refused(*words: object) -> tuple[int, str, str]:
    ran = picluster(*words)
    return ran.returncode, ran.stdout, ran.stderr


def test_a_sample_is_never_harvested_into(description: MakeDescription, tmp_path: Path) -> None:
    sample = f"# picluster: sample registry of small\nbank,slot,mac\n1,1,{C}\n"
    path = description(registry=sample)
    one = fdb(tmp_path, "sw-1.txt", {A: 1})
    registry = tmp_path / "macs.csv"
    assert _refused("harvest", "-i", path, one, "--write") == (
        1, "",
        f"picluster: {registry}: this registry is a sample: its boards are invented and would stay "
        "pinned; --fresh begins your own\n",
    )  # fmt: skip
    assert registry.read_text() == sample
    fresh = picluster("harvest", "-i", path, one, "--write", "--fresh")
    assert fresh.returncode == 0
    assert f"\n-1,1,{C}\n" in fresh.stdout
    assert registry.read_text() == f"{_TITLE}\n{_HEADER}\n{row(1, 1, A, 'switch:sw-1.txt')}\n"


def test_refusals_write_nothing(description: MakeDescription, tmp_path: Path) -> None:
    bad = f"bank,slot,mac\n1,1,{A}\n1,2,{A}\n"
    path = description(registry=bad)
    one = fdb(tmp_path, "sw-1.txt", {B: 3})
    status, out, said = _refused("harvest", "-i", path, one, "--write")
    assert (status, out) == (1, "")
    assert said == (
        f"picluster: {tmp_path}/macs.csv:3: MAC address {A} is given to pi-1-1 (line 2), pi-1-2 "
        "(line 3); keep one of them\n"
    )
    assert (tmp_path / "macs.csv").read_text() == bad


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["harvest", "-i", "{d}"], "no source named; name files or live sources; see picluster "
                                   "harvest -h"),
        (["harvest", "-i", "{d}/no", "x"],
         "{d}/no: no such inventory; name a folder under inventory/ or its description"),
        (["harvest", "-i", "{d}", "{d}/no.txt"],
         "{d}/no.txt: cannot open: No such file or directory; check the path and its permissions"),
        (["harvest", "-i", "{d}", "sw-9=x.txt"],
         "{d}/small.picluster.yml: no switch 'sw-9'; described are: sw-1, sw-2"),
        (["harvest", "-i", "{d}", "{d}/t.txt", "--assign", "7"],
         "{d}/small.picluster.yml: no bank 7; described are: 1, 2"),
        (["plan", "-i", "{d}/no"],
         "{d}/no: no such inventory; name a folder under inventory/ or its description"),
    ],
)  # fmt: skip
def test_one_clear_message(
    description: MakeDescription, tmp_path: Path, words: list[str], said: str
) -> None:
    description()
    fdb(tmp_path, "t.txt", {A: 1})
    given = [word.format(d=tmp_path) for word in words]
    assert _refused(*given) == (1, "", f"picluster: {said.format(d=tmp_path)}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "picluster: error: the following arguments are required: COMMAND"),
        (["harvest", "-i", "x", "--move", "01:00:5e:00:00:01"],
         "picluster harvest: error: argument --move: multicast or broadcast MAC address: "
         "'01:00:5e:00:00:01'"),
        (["replace", "-i", "x", "pi-1-1", "zz"],
         "picluster replace: error: argument MAC: not a MAC address: 'zz'"),
        (["replace", "-i", "x", "pi-1-1", A, "--serial", "z"],
         "picluster replace: error: argument --serial: not a board serial: 'z'"),
    ],
)  # fmt: skip
def test_wrong_usage(words: list[str], said: str) -> None:
    ran = picluster(*words)
    assert (ran.returncode, ran.stdout, ran.stderr.splitlines()[-1]) == (2, "", said)


def test_two_harvests_at_once(description: MakeDescription, tmp_path: Path) -> None:
    path = description()
    fifo = tmp_path / "sw-1.txt"
    os.mkfifo(fifo)
    first = subprocess.Popen(
        [sys.executable, "-m", "picluster", "harvest", "-i", path, fifo, "--write"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        table = fdb(tmp_path, "t.txt", {A: 1}).read_text()
        with fifo.open("w") as pipe:  # opens once the first one reads, and so holds the lock
            other = _refused("harvest", "-i", path, tmp_path / "t.txt", "--write")
            looked = picluster("harvest", "-i", path, f"sw-1={tmp_path}/t.txt")
            pipe.write(table)
        _, said = first.communicate(timeout=30)
    finally:
        first.kill()
        first.wait()
    assert other == (
        1, "",
        f"picluster: {tmp_path}/macs.csv: another picluster is changing this registry; "
        "wait for it, then repeat\n",
    )  # fmt: skip
    assert looked.returncode == 0
    assert (first.returncode, said) == (0, "")
    assert row(1, 1, A, "switch:sw-1.txt", "")[:-6] in (tmp_path / "macs.csv").read_text()


def test_killed_while_it_holds_the_lock(description: MakeDescription, tmp_path: Path) -> None:
    path = description(registry=f"bank,slot,mac\n1,1,{A}\n")
    fifo = tmp_path / "sw-1.txt"
    os.mkfifo(fifo)
    first = subprocess.Popen(
        [sys.executable, "-m", "picluster", "harvest", "-i", path, fifo, "--write"]
    )
    with fifo.open("w"):
        first.kill()
        first.wait()
    assert (tmp_path / "macs.csv").read_text() == f"bank,slot,mac\n1,1,{A}\n"
    with locked(tmp_path / "macs.csv"):
        assert sorted(item.name for item in tmp_path.iterdir()) == [
            "macs.csv", "small.picluster.yml", "sw-1.txt",
        ]  # fmt: skip


def test_a_file_may_be_named_after_its_switch(description: MakeDescription) -> None:
    cluster = load_cluster(description())
    described = frozenset({"sw-1", "sw-2", "172.20.0.21", "172.20.0.22"})
    words = ("x/sw-1.txt", "172.20.0.22.log", "sw-2=a", "b")
    assert [parse_source(text, cluster) for text in words] == [
        FileSource("x/sw-1.txt", "sw-1", described),
        FileSource("172.20.0.22.log", "sw-2", described),
        FileSource("a", "sw-2"),
        FileSource("b", None, described),
    ]


def test_formats_are_listed_without_an_inventory(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["harvest", "--list-formats"])
    lines = capsys.readouterr().out.splitlines()
    assert end.value.code == 0
    assert len(lines) > 20
    assert lines == sorted(lines)


def test_help_names_every_command_and_exit_status() -> None:
    top, harvest = picluster("-h").stdout, picluster("harvest", "-h").stdout
    assert [word for word in ("harvest", "plan", "render", "replace") if word not in top] == []
    assert "exit status: 0 done; 1 refused, nothing written; 3 disagreements remain" in harvest


@pytest.mark.timeout(60)
def test_a_full_disk_leaves_the_registry(description: MakeDescription, tmp_path: Path) -> None:
    path = description(registry=f"bank,slot,mac\n1,1,{A}\n")
    one = fdb(tmp_path, "sw-1.txt", {A: 1, B: 2})
    before = sorted(item.name for item in tmp_path.iterdir())
    limited = (
        "import resource, signal, sys; from picluster.cli import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)); sys.exit(main(sys.argv[1:]))"
    )
    ran = subprocess.run(
        [sys.executable, "-B", "-c", limited, "harvest", "-i", path, one, "--write"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (
        1,
        f"picluster: {tmp_path}/macs.csv: cannot write the file: File too large; "
        "the old one is as it was\n",
    )
    assert " written" not in ran.stdout
    assert (tmp_path / "macs.csv").read_text() == f"bank,slot,mac\n1,1,{A}\n"
    assert sorted(item.name for item in tmp_path.iterdir()) == before


def test_an_interrupt_writes_nothing(description: MakeDescription, tmp_path: Path) -> None:
    path = description()
    fifo = tmp_path / "sw-1.txt"
    os.mkfifo(fifo)
    ran = subprocess.Popen(
        [sys.executable, "-m", "picluster", "harvest", "-i", path, fifo, "--write"],
        stderr=subprocess.PIPE, text=True,
        # Background jobs of a shell inherit a SIGINT that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    )  # fmt: skip
    with fifo.open("w"):
        time.sleep(0.1)
        ran.send_signal(signal.SIGINT)
        _, said = ran.communicate(timeout=30)
    assert (ran.returncode, said) == (130, "picluster: interrupted, nothing was written\n")
    assert not (tmp_path / "macs.csv").exists()


@pytest.mark.parametrize(
    ("source", "switches", "overruled"),
    [
        (FileSource("{}", "sw-2"), {"sw-2"}, True),
        (FileSource("{}", "sw-2", frozenset({"sw-1"})), {"sw-1"}, False),
        (FileSource("{}"), {"sw-1"}, False),
    ],
    ids=["told", "guessed from the file's name", "nothing said"],
)
def test_switch_of_a_table_that_names_its_own(
    tmp_path: Path, source: FileSource, switches: set[str], overruled: bool
) -> None:
    table = tmp_path / "table"
    table.write_text(
        "sw-1#show mac address-table\n"
        "          Mac Address Table\n"
        "-------------------------------------------\n\n"
        "Vlan    Mac Address       Type        Ports\n"
        "----    -----------       --------    -----\n"
        "   1    b827.eb12.3456    DYNAMIC     Gi1/0/7\n"
    )
    facts = list(file_facts(replace(source, path=str(table)), None))
    assert {fact.switch for fact in facts if isinstance(fact, Observation)} == switches
    remarks = [fact.what for fact in facts if isinstance(fact, Remark)]
    assert remarks == (
        ["the text is of switch 'sw-1', and is taken as sw-2's"] if overruled else []
    )

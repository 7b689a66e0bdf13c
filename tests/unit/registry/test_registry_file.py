import os
import random
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picluster.errors import PiclusterError
from picluster.mac import MacAddress
from picluster.registry.file import load_registry, locked, save_registry
from picluster.registry.model import Entry, Registry, State
from picluster.registry.rows import COLUMNS
from picluster.registry.text import format_entry, render

_HEADER = ",".join(COLUMNS)

_TEXT = f"""\
# The big cluster; keep this line.
{_HEADER}

# bank 2 first, as it was harvested first
2,1,B8-27-EB-00-00-21,,,"7",,,switch:sw-2.txt,2026-01-31T12:00:00Z,,,,,"a ""note"", quoted"
# quarantined after the fire
2,3,b8:27:eb:00:00:23,00000023,sw-9, 0/9 ,172.20.2.99,quarantined,,,,,,,
1,4,,,,5,,,,,,,,,an empty slot
# the end
"""


def mac(number: int) -> MacAddress:
    return MacAddress(f"b8:27:eb:00:{number >> 8:02x}:{number & 255:02x}")


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "macs.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(PiclusterError) as refused:
        load_registry(path)
    return [str(problem).removeprefix(str(path)) for problem in refused.value.problems]


def test_read(tmp_path: Path) -> None:
    registry = load_registry(write(tmp_path, _TEXT))
    assert registry.entries == (
        Entry(2, 1, mac(0x21), port="7", mac_from="switch:sw-2.txt",
              mac_seen="2026-01-31T12:00:00Z", note='a "note", quoted', line=5),
        Entry(2, 3, mac(0x23), serial="00000023", switch="sw-9", port="0/9",
              address="172.20.2.99", state=State.QUARANTINED, line=7),
        Entry(1, 4, port="5", note="an empty slot", line=8),
    )  # fmt: skip
    assert not registry.sample


def test_no_file_is_an_empty_registry(tmp_path: Path) -> None:
    path = tmp_path / "macs.csv"
    assert load_registry(path) == Registry(path)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_rows_that_change_change(tmp_path: Path, mark: str, end: str) -> None:
    path = write(tmp_path, mark + _TEXT.replace("\n", end))
    registry = load_registry(path)
    assert render(registry.text or "", registry.entries) == registry.text
    changed = tuple(
        replace(entry, mac=mac(0x14)) if entry.key == (1, 4) else entry
        for entry in registry.entries
        if entry.key != (2, 3)
    )
    added = (Entry(2, 4, mac(0x24)), Entry(1, 1, mac(0x11)), Entry(2, 2, mac(0x22)))
    save_registry(registry, (*added, *changed))
    lines = _TEXT.splitlines()
    expected = [
        *lines[:3],
        "1,1,b8:27:eb:00:00:11" + "," * 12,
        *lines[3:6],
        "1,4,b8:27:eb:00:00:14,,,5,,,,,,,,,an empty slot",
        "2,2,b8:27:eb:00:00:22" + "," * 12,
        "2,4,b8:27:eb:00:00:24" + "," * 12,
        lines[8],
    ]
    assert path.read_bytes().decode() == mark + "".join(line + end for line in expected)
    assert {entry.key for entry in load_registry(path).entries} == {
        (1, 1), (1, 4), (2, 1), (2, 2), (2, 4),
    }  # fmt: skip


def test_a_last_line_without_end_is_ended(tmp_path: Path) -> None:
    text = f"{_HEADER}\r\n1,1,b8:27:eb:00:00:01{',' * 12}"
    registry = load_registry(write(tmp_path, text))
    assert render(text, (*registry.entries, Entry(1, 2))) == f"{text}\r\n1,2{',' * 13}\r\n"


def test_other_columns_become_the_standard_ones(tmp_path: Path) -> None:
    registry = load_registry(write(tmp_path, f"# mine\nmac,slot,bank\n{mac(1)},1,2\n"))
    assert registry.entries == (Entry(2, 1, mac(1), line=3),)
    assert render(registry.text or "", registry.entries) == registry.text
    assert render(registry.text or "", (*registry.entries, Entry(2, 2))) == (
        f"# mine\n{_HEADER}\n2,1,{mac(1)},,,,,,,,,,,,\n2,2,,,,,,,,,,,,,\n"
    )


def test_a_new_file_begins_with_its_title() -> None:
    entries = (Entry(2, 1, mac(1)), Entry(1, 1, mac(2)))
    assert render("", entries, title="Registry of x.") == (
        f"# Registry of x.\n{_HEADER}\n1,1,{mac(2)},,,,,,,,,,,,\n2,1,{mac(1)},,,,,,,,,,,,\n"
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,1,01:00:5e:00:00:01\n",
         [":2: mac: multicast or broadcast MAC address: '01:00:5e:00:00:01'; correct the cell"]),
        ("1,1,00:00:00:00:00:00\n",
         [":2: mac: all-zero MAC address: '00:00:00:00:00:00'; correct the cell"]),
        ("1,1,b8:27:eb\n", [":2: mac: not a MAC address: 'b8:27:eb'; correct the cell"]),
        ("one,1,\n1,-1,\n1,\u0663,\n",
         [":2: bank: not a number: 'one'; correct the cell",
          ":3: slot: not a number: '-1'; correct the cell",
          ":4: slot: not a number: '\\u0663'; correct the cell"]),
        (",1,\n1,,\n", [":2: bank is empty; every row names its bank and slot",
                        ":3: slot is empty; every row names its bank and slot"]),
        ("1,1\n1,1,,\n", [":2: 2 cells where the header has 3: '1,1'; give every column its cell",
                          ":3: 4 cells where the header has 3: '1,1,,'; "
                          "give every column its cell"]),
        ('1,1,"b8\n', [":2: not a row of CSV: '1,1,\"b8'; close its quotes"]),
    ],
)  # fmt: skip
def test_bad_rows_are_refused_together(tmp_path: Path, rows: str, expected: list[str]) -> None:
    assert problems(write(tmp_path, "bank,slot,mac\n" + rows)) == expected


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("serial", "xyz", "serial: not a board serial: 'xyz'; correct the cell"),
        ("address", "172.20.1", "address: not an IPv4 address: '172.20.1'; correct the cell"),
        ("state", "active",
         "state: not a state: 'active' (quarantined, spare or empty); correct the cell"),
        ("mac_seen", "yesterday",
         "mac_seen: not a time like 2026-01-31T12:00:00Z: 'yesterday'; correct the cell"),
        ("note", "a\x1b[31mb", "note: control characters: 'a\\x1b[31mb'; correct the cell"),
        ("port", "7\x00", "port: control characters: '7\\x00'; correct the cell"),
        ("note", "a\u202eb", "note: control characters: 'a\\u202eb'; correct the cell"),
        ("note", "a\rb", "note: control characters: 'a\\rb'; correct the cell"),
    ],
)  # fmt: skip
def test_bad_cells_are_refused(tmp_path: Path, column: str, cell: str, expected: str) -> None:
    path = write(tmp_path, f"bank,slot,mac,{column}\n1,1,,{cell}\n")
    assert problems(path) == [f":2: {expected}"]


_KNOWN = f"known are: {_HEADER}; bank, slot, mac are needed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [f":1: no header; begin with: {_HEADER}"]),
        ("# only a comment\n", [f":1: no header; begin with: {_HEADER}"]),
        ("bank,slot,mac,colour\n1,1,,red\n",
         [f":1: header with unknown, missing or repeated columns: 'colour'; {_KNOWN}"]),
        ("bank,mac\n1,\n", [f":1: header with unknown, missing or repeated columns: 'slot'; "
                            f"{_KNOWN}"]),
        ("bank,slot,mac,slot\n1,1,,2\n",
         [f":1: header with unknown, missing or repeated columns: 'slot'; {_KNOWN}"]),
        ("1,1,b8:27:eb:00:00:01\n",
         [":1: header with unknown, missing or repeated columns: '1', '1', 'b8:27:eb:00:00:01', "
          f"'bank', 'slot', 'mac', '1'; {_KNOWN}"]),
        (b"bank,slot,mac,note\n1,1,,caf\xe9\n",
         [":2: byte b'\\xe9' is not UTF-8; save it as UTF-8"]),
        (b"\x7fELF\x02\x01\xff", [":1: byte b'\\xff' is not UTF-8; save it as UTF-8"]),
    ],
)  # fmt: skip
def test_what_is_no_registry(tmp_path: Path, text: str | bytes, expected: list[str]) -> None:
    assert problems(write(tmp_path, text)) == expected


def test_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "macs.csv"
    path.symlink_to("gone.csv")
    assert problems(path) == [
        ": a link to 'gone.csv', which does not exist; mend or remove the link"
    ]
    path.unlink()
    path.symlink_to("macs.csv")
    assert problems(path) == [
        ": cannot read the registry: Too many levels of symbolic links; mend its permissions"
    ]
    path.unlink()
    path.mkdir()
    assert problems(path) == [": not a regular file; is this the file?"]
    path.rmdir()
    os.mkfifo(path)
    assert problems(path) == [": not a regular file; is this the file?"]
    path.unlink()
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    assert problems(path) == [": larger than any registry (64 MiB); is this the file?"]


@pytest.mark.skipif(os.geteuid() != 0, reason="root drops its rights to be refused")
def test_an_unreadable_registry() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        path = write(folder, _TEXT)
        path.chmod(0)
        os.seteuid(65534)
        try:
            said = problems(path)
        finally:
            os.seteuid(0)
    assert said == [": cannot read the registry: Permission denied; mend its permissions"]


def test_mode_and_link_are_kept(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    target = write(tmp_path / "kept", _TEXT)
    target.chmod(0o640)
    link = tmp_path / "macs.csv"
    link.symlink_to(Path("kept") / "macs.csv")
    registry = load_registry(link)
    save_registry(registry, registry.entries[:1])
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [entry.key for entry in load_registry(target).entries] == [(2, 1)]


def test_an_edit_meanwhile_is_never_lost(tmp_path: Path) -> None:
    path = write(tmp_path, _TEXT)
    registry = load_registry(path)
    path.write_text(_TEXT + f"1,1,{mac(9)}{',' * 12}\n")
    with pytest.raises(PiclusterError) as refused:
        save_registry(registry, registry.entries[:1])
    assert str(refused.value) == (
        f"{path}: has changed while this command ran; nothing was written; repeat the command"
    )
    assert path.read_text() == _TEXT + f"1,1,{mac(9)}{',' * 12}\n"


def test_only_one_may_change_it_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "macs.csv"
    said = f"{path}: another picluster is changing this registry; wait for it, then repeat"
    with locked(path):
        with pytest.raises(PiclusterError) as refused, locked(path):
            pass
        assert str(refused.value) == said
    with locked(path):
        assert list(tmp_path.iterdir()) == []


_ROWS = 1500
_WRITER = """
import sys
from pathlib import Path
from picluster.mac import MacAddress
from picluster.registry.file import load_registry, save_registry
from picluster.registry.model import Entry
path, rows = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
for turn in range(10**6):
    entries = tuple(
        Entry(1, slot, MacAddress(f"b8:27:eb:{turn % 256:02x}:{slot >> 8:02x}:{slot & 255:02x}"))
        for slot in range(1, rows + 1)
    )
    save_registry(load_registry(path), entries)
"""


def test_a_killed_writer_leaves_a_whole_registry(tmp_path: Path) -> None:
    path = tmp_path / "macs.csv"
    chance = random.Random(11)
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), str(_ROWS)], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.05, 0.25))
            child.kill()
        found = load_registry(path).entries
        assert len(found) == _ROWS
        assert len({entry.mac[:11] for entry in found if entry.mac}) == 1


@pytest.mark.timeout(30)
def test_a_large_registry_takes_new_rows_in_time() -> None:
    high = tuple(Entry(bank, slot) for bank in range(96, 160) for slot in range(1, 255))
    low = tuple(Entry(bank, slot) for bank in range(96) for slot in range(1, 255))
    before = render("", high)
    started = time.process_time()
    after = render(before, low + high)
    assert time.process_time() - started < 8
    assert after == render("", low + high)


_CELL = st.text(st.characters(blacklist_categories=("C", "Z")), max_size=8)
_TIME = st.sampled_from(["", "2026-01-31T12:00:00Z"])
_ENTRY = st.builds(
    Entry,
    bank=st.integers(0, 99),
    slot=st.integers(1, 99),
    mac=st.one_of(st.none(), st.integers(1, 65535).map(mac)),
    serial=st.sampled_from(["", "d1123456"]),
    switch=_CELL,
    port=_CELL,
    address=st.sampled_from(["", "172.20.1.9"]),
    state=st.sampled_from(list(State)),
    mac_from=_CELL,
    mac_seen=_TIME,
    serial_from=_CELL,
    serial_seen=_TIME,
    port_from=_CELL,
    port_seen=_TIME,
    note=st.text(st.characters(blacklist_categories=("C", "Z")) | st.just(" "), max_size=20).map(
        str.strip
    ),
)
_ENTRIES = st.lists(_ENTRY, max_size=12, unique_by=lambda entry: entry.key).map(tuple)


@settings(max_examples=60, deadline=None)
@given(_ENTRIES, _ENTRIES, st.integers(0, 3))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    before: tuple[Entry, ...],
    after: tuple[Entry, ...],
    common: int,
) -> None:
    path = tmp_path_factory.mktemp("registry") / "macs.csv"
    kept = before[:common]
    keys = {entry.key for entry in kept}
    after = (*kept, *(entry for entry in after if entry.key not in keys))
    first = render("", before, title="t")
    text = render(first, after)
    path.write_text(text, encoding="utf-8", newline="")
    found = load_registry(path).entries
    assert {entry.key: replace(entry, line=0) for entry in found} == {
        entry.key: entry for entry in after
    }
    assert {format_entry(entry) for entry in kept} <= set(text.splitlines())
    assert render(text, found) == text


def test_mixed_line_endings_stay_mixed() -> None:
    text = f"# one\r\n{_HEADER}\n1,1{',' * 13}\r\n1,3{',' * 13}\n"
    rows = (Entry(1, 1), Entry(1, 2), Entry(1, 3))
    assert render(text, rows) == text.replace("1,3", f"1,2{',' * 13}\r\n1,3")

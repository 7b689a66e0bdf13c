from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
from pathlib import Path

import pytest
from facts_of_files import short

from picluster.errors import PiclusterError
from picluster.harvest import unpacking
from picluster.harvest.reading import LINE_LIMIT, open_source, read_facts

ARP = "? (10.0.0.1) at b8:27:eb:00:00:01 [ether] on eth0\n"
ONE = [(1, "b8:27:eb:00:00:01", "10.0.0.1")]


def write(folder: Path, data: bytes) -> Path:
    path = folder / "given"
    path.write_bytes(data)
    return path


def lines(folder: Path, data: bytes) -> list[str]:
    with open_source(write(folder, data)) as source:
        found = list(source.lines)
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    return [text for _, text in found]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\r", ["a", "b"]),
        (b"a\n\r\n\rb", ["a", "", "", "b"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        ("a\nü\n".encode("utf-16"), ["a", "ü"]),
        ("ü\n".encode() + b"\xfc\n", ["ü", "ü"]),
        (b"\n\na", ["", "", "a"]),
    ],
)
def test_line_ends_and_encodings(tmp_path: Path, data: bytes, expected: list[str]) -> None:
    assert lines(tmp_path, data) == expected


def test_a_line_end_across_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picluster.harvest.reading._PIECE", 7)
    data = b"".join(b"%d\r\n" % number for number in range(1000)) + "ü".encode() * 50
    assert lines(tmp_path, data) == [*map(str, range(1000)), "ü" * 50]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b" \n\r\n\t", "is empty"),
        (b"\x7fELF\0\0\0", "is binary"),
        (b"\x01\x02\x03abc", "is binary"),
        (b"\xd4\xc3\xb2\xa1\x02\0\x04\0", "binary capture; print it: tcpdump"),
        (b"PK\x03\x04abc", "is a zip archive; unpack it first"),
        (gzip.compress(ARP.encode())[:-9], "packed data is truncated"),
        (lzma.compress(ARP.encode())[:-4], "packed data is truncated"),
        (gzip.compress(ARP.encode())[:20] + b"x" * 30, "cannot be unpacked"),
        (b"what is this\n", "unknown format, beginning 'what is this'; known ones: .*arp-a"),
    ],
)
def test_refused_contents(tmp_path: Path, data: bytes, reason: str) -> None:
    path = write(tmp_path, data)
    with pytest.raises(PiclusterError, match=reason) as error:
        list(read_facts(path))
    assert error.value.problems[0].file == str(path)


def test_refused_paths(tmp_path: Path) -> None:
    with pytest.raises(PiclusterError, match="cannot open: No such file"):
        list(read_facts(tmp_path / "absent"))
    with pytest.raises(PiclusterError, match="is a directory; name the files in it"):
        list(read_facts(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, ARP.encode())
    path.chmod(0)
    with pytest.raises(PiclusterError, match="cannot open: Permission denied"):
        list(read_facts(path))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_packed_files_are_read(tmp_path: Path, pack: object) -> None:
    assert short(list(read_facts(write(tmp_path, pack(ARP.encode()))))) == ONE  # type: ignore[operator]


def test_joined_packed_files_are_read(tmp_path: Path) -> None:
    data = gzip.compress(ARP.encode()) * 3
    assert len(list(read_facts(write(tmp_path, data)))) == 3


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: object) -> None:
    monkeypatch.setattr(unpacking, "UNPACKED_LIMIT", 2**20)
    data = pack(ARP.encode() * 50_000)  # type: ignore[operator]
    with pytest.raises(PiclusterError, match="unpacks to more than"):
        list(read_facts(write(tmp_path, data)))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ARP.encode())))
    [fact] = read_facts("-")
    assert fact.source == "standard input"


def test_a_long_line_is_cut_and_told(tmp_path: Path) -> None:
    path = write(tmp_path, ARP.encode() + b"x" * (LINE_LIMIT + 1) + b"\n")
    assert short(list(read_facts(path))) == [*ONE, (2, "line of 65537 characters cut to 65536")]


def test_a_line_without_end_takes_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("picluster.harvest.reading._PIECE", 1000)
    monkeypatch.setattr("picluster.harvest.reading.WHOLE_LIMIT", 5000)
    data = ARP.encode() + b"x" * 50_000 + b"\n" + ARP.encode()
    with open_source(write(tmp_path, data)) as source:
        found = list(source.lines)
    assert [(number, len(text)) for number, text in found] == [(1, 49), (2, 5950), (3, 49)]
    assert [remark.line for remark in source.remarks] == [2]


def test_a_whole_text_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picluster.harvest.reading.WHOLE_LIMIT", 2**20)
    row = '{"dst":"10.0.0.1","lladdr":"b8:27:eb:00:00:01"},\n'
    path = write(tmp_path, ("[" + row * 50_000).encode())
    with pytest.raises(PiclusterError, match=r"larger than 1 MiB, the limit for ip-neigh-json"):
        list(read_facts(path))


def test_nul_bytes_within_a_log_are_dropped(tmp_path: Path) -> None:
    filler = b"Mar  3 09:00:00 head cron[1]: nothing of interest\n" * 8000
    line = b"Mar  3 09:00:01 head dhcpd[7]: DHCPDISCOVER from b8:27:eb:00:00:01 via eth1\n"
    found = short(list(read_facts(write(tmp_path, filler + b"\0" * 512 + line))))
    assert found == [(8001, "b8:27:eb:00:00:01", "discover"), (1, "NUL bytes dropped")]


def test_a_forced_format(tmp_path: Path) -> None:
    path = write(tmp_path, b"noise\n10.0.0.1 dev e lladdr b8:27:eb:00:00:01 x\n")
    assert short(list(read_facts(path, format_name="ip-neigh"))) == [
        (2, "b8:27:eb:00:00:01", "10.0.0.1")
    ]
    with pytest.raises(PiclusterError, match="no format 'nonsense'; known ones: "):
        list(read_facts(path, format_name="nonsense"))


def test_the_file_gives_year_and_offset(tmp_path: Path) -> None:
    path = write(tmp_path, b"Dec 31 23:30:00 h dhcpd: DHCPDISCOVER from b8:27:eb:00:00:01 via e\n")
    os.utime(path, (1704067200, 1704067200))  # 2024-01-01T00:00Z
    [fact] = read_facts(path, utc_offset_s=-3600)
    assert fact.seen.isoformat() == "2024-01-01T00:30:00+00:00"  # within the day of grace
    os.utime(path, (1703000000, 1703000000))  # 2023-12-19
    [fact] = read_facts(path, utc_offset_s=0)
    assert fact.seen.isoformat() == "2022-12-31T23:30:00+00:00"

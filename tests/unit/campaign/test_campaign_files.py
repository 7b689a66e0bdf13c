"""Log files are followed through everything that happens to them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from head_servers import until

from picluster.campaign.live.file_source import FileSource


class Lines:
    """Takes what a source hands over."""

    def __init__(self) -> None:
        self.found: list[tuple[bytes, str]] = []

    def __call__(self, _source: str, line: bytes, position: str) -> None:
        self.found.append((line, position))

    @property
    def text(self) -> list[bytes]:
        return [line for line, _ in self.found if line]


@pytest.fixture(name="log")
def log_file(tmp_path: Path) -> Path:
    path = tmp_path / "syslog"
    path.write_bytes(b"old 1\nold 2\n")
    return path


def pumped(source: FileSource) -> None:
    while source.pump():
        pass


def following(log: Path, position: str = "") -> tuple[FileSource, Lines]:
    """A source that the test pumps by hand."""
    lines = Lines()
    source = FileSource(log, lines)
    source._thread = threading.Thread(target=lambda: None)
    source.start(position)
    return source, lines


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_only_new_whole_lines_of_a_file(log: Path) -> None:
    source, lines = following(log)
    append(log, b"new 1\nha")
    pumped(source)
    assert lines.text == [b"new 1"]
    append(log, b"lf\n\n")
    pumped(source)
    assert lines.text == [b"new 1", b"half"]


def test_rotation_loses_nothing(log: Path) -> None:
    source, lines = following(log)
    append(log, b"1\n")
    pumped(source)
    log.rename(log.with_name("syslog.1"))
    append(log.with_name("syslog.1"), b"2\n")  # rsyslog was not told yet
    pumped(source)
    log.write_bytes(b"3\n4\n")
    pumped(source)
    append(log, b"5\n")
    pumped(source)
    assert lines.text == [b"1", b"2", b"3", b"4", b"5"]


def test_a_daemon_writes_to_the_old_file_until_it_is_told(log: Path) -> None:
    source, lines = following(log)
    log.rename(log.with_name("syslog.1"))
    log.touch()  # "create" of logrotate
    pumped(source)
    append(log.with_name("syslog.1"), b"1\n")
    pumped(source)
    append(log.with_name("syslog.1"), b"2\n")
    append(log, b"3\n")
    pumped(source)
    assert lines.text == [b"1", b"2", b"3"]


def test_a_truncated_file_is_read_from_its_beginning(log: Path) -> None:
    source, lines = following(log)
    append(log, b"1\n")
    pumped(source)
    log.write_bytes(b"2\n")
    pumped(source)
    assert lines.text == [b"1", b"2"]


def test_a_file_that_comes_later(tmp_path: Path) -> None:
    source, lines = following(tmp_path / "none")
    pumped(source)
    (tmp_path / "none").write_bytes(b"1\n")
    pumped(source)
    assert lines.text == [b"1"]


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("taken", [1, 2, 3])
def test_a_position_is_gone_on_from(log: Path, taken: int, rotated: bool) -> None:
    source, lines = following(log)
    append(log, b"1\n2\n3\n")
    pumped(source)
    position = lines.found[taken - 1][1]
    append(log, b"4\n")
    if rotated:
        log.rename(log.with_name("syslog.1"))
        log.write_bytes(b"5\n")
    again = Lines()
    resumed = FileSource(log, again)
    resumed._thread = threading.Thread(target=lambda: None)
    assert resumed.start(position)
    pumped(resumed)
    expected = [b"1", b"2", b"3", b"4"] + ([b"5"] if rotated else [])
    assert again.text == expected[taken:]


@pytest.mark.parametrize("position", ["x", "1:2", "1:2:3", "0:0:0:0"])
def test_a_position_that_is_gone_is_told(log: Path, position: str) -> None:
    source = FileSource(log, Lines())
    source._thread = threading.Thread(target=lambda: None)
    assert source.start(position) is False


def test_a_used_inode_is_not_taken_for_the_old_file(log: Path) -> None:
    source, lines = following(log)
    append(log, b"1\n")
    pumped(source)
    with log.open("r+b") as file:  # the same inode, other text
        file.write(b"other text altogether\n")
    assert FileSource(log, Lines())._seek(lines.found[0][1]) is False


def test_an_endless_line_is_dropped_and_the_next_one_read(log: Path) -> None:
    source, lines = following(log)
    append(log, b"x" * 200_000)
    pumped(source)
    append(log, b"y\nnext\n")
    pumped(source)
    assert lines.text == [b"next"]
    assert lines.found[0][1].split(":")[1] == str(log.stat().st_size)


def test_a_file_is_followed_by_itself(log: Path) -> None:
    lines = Lines()
    source = FileSource(log, lines)
    source.start("")
    append(log, b"1\n")
    until(lambda: lines.text == [b"1"])
    source.stop()

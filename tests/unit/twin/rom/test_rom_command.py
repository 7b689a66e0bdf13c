"""The command line: what it prints and what it refuses."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from twin.rom import GotFile, RomResult, Stage, StormResult
from twin.rom.__main__ import main, table

if TYPE_CHECKING:
    from pathlib import Path

DONE = RomResult(
    mac="b8:27:eb:00:00:01", serial="00000001", address="10.0.0.2", addresses=("10.0.0.2",),
    offers=(), discovers=2, stage=Stage.KERNEL, complete=True,
    files=MappingProxyType({"kernel8.img": GotFile(2_500_000, "00")}), missing=("bootsig.bin",),
    started_s=1.0, finished_s=21.5, reason="",
)  # fmt: skip
STOPPED = RomResult(
    mac="b8:27:eb:00:00:02", serial="00000002", address="10.0.0.2", addresses=("10.0.0.2",),
    offers=(), discovers=1, stage=Stage.TFTP, complete=False, files=MappingProxyType({}),
    missing=(), started_s=0.0, finished_s=None, reason="",
)  # fmt: skip


def test_table_shows_every_board_the_total_and_the_alarm() -> None:
    both = {"10.0.0.2": (DONE.mac, STOPPED.mac)}
    result = StormResult((DONE, STOPPED), MappingProxyType(both), 25.0, 5000, 2_500_000)
    assert table(result).splitlines() == [
        "MAC address       address         stage   files      MB       s  reason",
        "b8:27:eb:00:00:01 10.0.0.2        kernel      1    2.50    20.5",
        "b8:27:eb:00:00:02 10.0.0.2        tftp        0    0.00       -  still under way",
        "1 of 2 complete in 25.0 s, 5000 data packets, 0.1 MB/s",
        "address 10.0.0.2 used by b8:27:eb:00:00:01, b8:27:eb:00:00:02",
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "error: no boards; give --mac, or --registry with a --bank that has boards"),
        (["--mac", "b8:27:eb:00:00"], "error: not a MAC address: 'b8:27:eb:00:00'"),
        (["--mac", DONE.mac, "--speed", "0"], "error: --speed is 0.0; give a number above 0"),
        (["--mac", DONE.mac], "error: no interface 'none0'; see: ip link"),
        (
            ["--mac", DONE.mac, "--mac", DONE.mac],
            "error: two boot ROMs have the same MAC address; give each its own",
        ),
    ],
)
def test_refusals(args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--interface", "none0", *args]) == 2
    assert capsys.readouterr().err == message + "\n"


def test_a_broken_registry_is_refused_by_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = tmp_path / "macs.csv"
    registry.write_text("bank,slot,mac\n1,1,b8:27:eb:00:00:zz\n")
    assert main(["--interface", "none0", "--registry", str(registry)]) == 2
    assert f"{registry}:2: " in capsys.readouterr().err

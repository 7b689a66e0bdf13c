"""config.txt: what holds for which board, and which files follow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.rom.config_txt import Board, Config, parse_config

SERIAL = "8b07bcc6"


def parse(text: str, board: Board = Board.PI3B_PLUS) -> Config:
    return parse_config(text.encode(), board, SERIAL)


def test_sections_choose_by_model_and_serial() -> None:
    text = """\ufeff# comment
arm_64bit=1
[pi4]
kernel=four.img
[pi3]
initramfs initrd.img followkernel
[pi3+]
os_prefix=plus/
[0x8b07bcc6]
cmdline=mine.txt
[0x00000001]
cmdline=other.txt
[all]
dtoverlay=disable-bt
dtoverlay=vc4-kms-v3d,cma-128
[none]
upstream_kernel=1
[EDID=VSC-TD2220]
device_tree=x.dtb
"""
    plus, plain = parse(text), parse(text, Board.PI3B)
    assert plus.values == {"arm_64bit": "1", "os_prefix": "plus/", "cmdline": "mine.txt"}
    assert plus.initramfs == ["initrd.img"]
    assert plus.overlays == ["disable-bt", "vc4-kms-v3d"]
    assert plain.values == {"arm_64bit": "1"}  # [pi3+] stays shut under the serial filter too
    assert plain.initramfs == ["initrd.img"]


@pytest.mark.parametrize(
    ("text", "board", "name"),
    [
        ("", Board.PI3B_PLUS, "bcm2710-rpi-3-b-plus.dtb"),
        ("", Board.PI3B, "bcm2710-rpi-3-b.dtb"),
        ("upstream_kernel=1", Board.PI3B_PLUS, "bcm2837-rpi-3-b-plus.dtb"),
        ("upstream_kernel=0", Board.PI3B_PLUS, "bcm2710-rpi-3-b-plus.dtb"),
        ("upstream_kernel=1\ndevice_tree=own.dtb", Board.PI3B_PLUS, "own.dtb"),
        ("device_tree=", Board.PI3B_PLUS, ""),
    ],
)
def test_device_tree(text: str, board: Board, name: str) -> None:
    assert parse(text, board).device_tree(board) == name


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("", ("start.elf", "fixup.dat")),
        ("start_x=1", ("start_x.elf", "fixup_x.dat")),
        ("gpu_mem=16", ("start_cd.elf", "fixup_cd.dat")),
        ("gpu_mem=64", ("start.elf", "fixup.dat")),
        ("start_debug=1", ("start_db.elf", "fixup_db.dat")),
        ("start_file=a.elf\nfixup_file=b.dat", ("a.elf", "b.dat")),
    ],
)
def test_start_files(text: str, files: tuple[str, str]) -> None:
    assert parse(text).start_files == files


@pytest.mark.parametrize(
    ("text", "kernel", "names"),
    [
        ("", "kernel8.img", []),
        ("initramfs a.gz followkernel", "kernel8.img", ["a.gz"]),
        ("initramfs a.gz,b.gz 0x00800000", "kernel8.img", ["a.gz", "b.gz"]),
        ("initramfs", "kernel8.img", []),
        ("ramfsfile=c.gz", "kernel8.img", ["c.gz"]),
        ("auto_initramfs=1", "kernel8.img", ["initramfs8"]),
        ("auto_initramfs=1", "vmlinuz", []),
    ],
)
def test_initramfs(text: str, kernel: str, names: list[str]) -> None:
    assert parse(text).initramfs_of(kernel) == names


def test_line_ends_after_98_characters() -> None:
    assert parse("kernel=" + "k" * 200).values == {"kernel": "k" * 91}


def test_crlf_and_latin_1_are_read() -> None:
    config = parse_config(b"kernel=k\xe4\r\narm_64bit=1\r\n", Board.PI3B, SERIAL)
    assert config.values == {"kernel": "k\ufffd", "arm_64bit": "1"}


@given(st.binary(max_size=2000), st.sampled_from(list(Board)))
def test_any_bytes_are_read(data: bytes, board: Board) -> None:
    config = parse_config(data, board, SERIAL)
    assert all(config.start_files)
    assert isinstance(config.device_tree(board), str)

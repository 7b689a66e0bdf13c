"""The order of requests, driven by a set of files that are there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from twin.rom.config_txt import Board
from twin.rom.sequence import Answer, BootStop, Sequence, Stage, firmware_files, rom_files

SERIAL = "8b07bcc6"
_SHARED = os.environ.get("PICLUSTER_SHARED_DATA")
SHARED = (Path(_SHARED) if _SHARED else Path(__file__).parents[5] / "shared" / "data") / "tftp-logs"

CONFIG = b"arm_64bit=1\nauto_initramfs=1\ndtoverlay=vc4-kms-v3d\n"
FILES = {
    "start.elf": b"", "config.txt": CONFIG, "fixup.dat": b"", "kernel8.img": b"",
    "initramfs8": b"", "bcm2710-rpi-3-b-plus.dtb": b"", "overlays/overlay_map.dtb": b"",
    "overlays/vc4-kms-v3d.dtbo": b"", "cmdline.txt": b"",
}  # fmt: skip


def asked(sequence: Sequence, files: dict[str, bytes]) -> list[str]:
    """Requests in order: ``?name`` a probe that found, ``-name`` not there, ``name`` read."""
    log: list[str] = []
    answer: Answer | None = None
    try:
        while True:
            ask = sequence.send(answer)
            answer = None
            if isinstance(ask, Stage):
                log.append(f"[{ask}]")
                continue
            found = ask.path in files
            mark = "-" if not found else "" if ask.read else "?"
            log.append(mark + ask.path)
            answer = Answer(found, files.get(ask.path, b"") if ask.keep else b"")
    except StopIteration:
        return log
    except BootStop as stop:
        return [*log, f"stop: {stop}"]


def boot(files: dict[str, bytes], board: Board = Board.PI3B_PLUS) -> list[str]:
    return asked(firmware_files(board, SERIAL), files)


#: One healthy boot of a 3B+ in its own folder, as far as the server's log orders it.
HEALTHY = [
    "?start.elf", "-autoboot.txt", "?start.elf", "config.txt", "-recovery.elf", "start.elf",
    "fixup.dat", "[start]",
    "-recovery.elf", "?config.txt", "config.txt", "-dt-blob.bin", "-recovery.elf",
    "?config.txt", "config.txt", "-bootcfg.txt", "-recovery8.img", "?kernel8.img", "?kernel8.img",
    "?initramfs8", "?initramfs8", "?initramfs8", "initramfs8",
    "?bcm2710-rpi-3-b-plus.dtb", "bcm2710-rpi-3-b-plus.dtb",
    "?overlays/overlay_map.dtb", "overlays/overlay_map.dtb", "?config.txt", "config.txt",
    "?overlays/vc4-kms-v3d.dtbo", "overlays/vc4-kms-v3d.dtbo", "?cmdline.txt", "cmdline.txt",
    "-armstub8.bin", "?kernel8.img", "kernel8.img", "[kernel]",
]  # fmt: skip


def test_boot_in_the_own_folder_asks_in_the_order_of_a_healthy_3b_plus() -> None:
    files = {f"{SERIAL}/{name}": content for name, content in FILES.items()}
    expected = [
        re.sub(r"^([-?]?)(?!\[)(.*)", rf"\g<1>{SERIAL}/\2", name) if name[0] != "[" else name
        for name in HEALTHY
    ]
    assert boot(files) == expected


def test_boot_from_the_root_when_the_own_folder_has_no_start_elf() -> None:
    # The folder may hold other files: without start.elf nothing there is looked at.
    files = {**FILES, f"{SERIAL}/config.txt": b"kernel=none"}
    assert boot(files) == [f"-{SERIAL}/start.elf", *HEALTHY[1:2], *HEALTHY[3:]]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared logs here")
def test_order_equals_the_logged_boot() -> None:
    text = (SHARED / "01-dnsmasq-iso-rpi3bplus-full-success.txt").read_text()
    rows = re.findall(r"(sent|failed sending|file) /tftpboot/8b07bcc6/(\S+)", text)
    marks = {"sent": "", "failed sending": "?", "file": "-"}
    logged = [marks[word] + f"{SERIAL}/" + name for word, name in rows]
    # The server had sent the short cmdline.txt before its probe was broken off.
    logged[logged.index(f"{SERIAL}/cmdline.txt")] = f"?{SERIAL}/cmdline.txt"
    files = {f"{SERIAL}/{name}": content for name, content in FILES.items()}
    assert [line for line in boot(files) if line[0] != "["] == logged


def test_32_bit_board_looks_for_every_kernel_and_takes_kernel7() -> None:
    files = {**FILES, "config.txt": b"", "kernel7.img": b""}
    del files["initramfs8"]
    log = boot(files, Board.PI3B)
    start = log.index("-bootcfg.txt")
    assert log[start + 1 : start + 9] == [
        "-recovery8.img", "-recovery8-32.img", "-recovery7.img", "-recovery.img",
        "?kernel8.img", "-kernel8-32.img", "?kernel7.img", "-kernel.img",
    ]  # fmt: skip
    assert log[-1] == "stop: bcm2710-rpi-3-b.dtb: not found on the TFTP server"
    files["bcm2710-rpi-3-b.dtb"] = b""
    assert boot(files, Board.PI3B)[-2:] == ["kernel7.img", "[kernel]"]


def test_config_txt_names_every_other_file() -> None:
    config = b"arm_64bit=1\nkernel=vmlinuz\ninitramfs initrd followkernel\nos_prefix=v1/\n"
    config += b"upstream_kernel=1\ncmdline=line.txt\ngpu_mem=16\ninclude more.txt\n"
    names = ("v1/vmlinuz", "v1/initrd", "v1/line.txt", "v1/bcm2837-rpi-3-b-plus.dtb")
    files = {"start.elf": b"", "start_cd.elf": b"", "fixup_cd.dat": b"", "config.txt": config}
    files |= {"more.txt": b"dtoverlay=disable-bt", "overlays/disable-bt.dtbo": b""}
    files |= dict.fromkeys(names, b"")
    read = [name for name in boot(files) if name[0] not in "-?["]
    assert list(dict.fromkeys(read)) == [
        "config.txt", "more.txt", "start_cd.elf", "fixup_cd.dat", "v1/initrd",
        "v1/bcm2837-rpi-3-b-plus.dtb", "overlays/disable-bt.dtbo", "v1/line.txt", "v1/vmlinuz",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("gone", "name"),
    [("start.elf", "start.elf"), ("fixup.dat", "fixup.dat"), ("kernel8.img", "kernel8.img"),
     ("initramfs8", "initramfs8"), ("bcm2710-rpi-3-b-plus.dtb", "bcm2710-rpi-3-b-plus.dtb")],
)  # fmt: skip
def test_a_missing_file_stops_the_boot_by_name(gone: str, name: str) -> None:
    files = {key: value for key, value in FILES.items() if key != gone}
    assert boot(files)[-1] == f"stop: {name}: not found on the TFTP server"


def test_rom_needs_bootcode_and_not_its_signature() -> None:
    assert asked(rom_files(), {"bootcode.bin": b""}) == ["bootcode.bin", "-bootsig.bin"]
    assert asked(rom_files(), {})[-1] == "stop: bootcode.bin: not found on the TFTP server"


def test_includes_are_bounded() -> None:
    files = {**FILES, "config.txt": b"include config.txt\n"}
    before_start = boot(files).index("-recovery.elf")
    assert boot(files)[2:before_start] == ["config.txt"] * 9

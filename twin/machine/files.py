"""What a boot ROM fetched from the head, as the firmware would start it."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from picluster.errors import refusal
from twin.head.places import TREE
from twin.net import command
from twin.rom.config_txt import Board, parse_config

if TYPE_CHECKING:
    from pathlib import Path

    from picluster.plan.model import Node
    from twin.rack import Rack

#: The board's clock: its 18 s of silence are known, and not what is looked at here.
_SPEED = 10.0
_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class BootFiles:
    """Files of one board, whole, as they came over TFTP.

    Attributes:
        folder: where they are, by the name asked for.
        kernel: the kernel, perhaps with gzip.
        initramfs: the initramfs, or ``None`` where config.txt names none.
        device_tree: the device tree the firmware hands on.
        cmdline: kernel command line, one line.
        tftp_bytes: bytes of files that came, those of repeated and of broken-off reads too.
        address: the address the board was given.
    """

    folder: Path
    kernel: Path
    initramfs: Path | None
    device_tree: Path
    cmdline: str
    tftp_bytes: int
    address: str


def fetch(rack: Rack, node: Node, folder: Path, *, speed: float = _SPEED) -> BootFiles:
    """Let the boot ROM of a node ask the head, and keep what it gets.

    Args:
        rack: the rack, up, with the node's bank.
        node: the board.
        folder: gets the files; what it holds is removed first.
        speed: how much faster the board's clock runs than the wall's.

    Raises:
        PiclusterError: the board did not get everything; the message says where it stopped.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    result = folder / "rom.json"
    args = [sys.executable, "-m", "twin.rom", "--interface", rack.bank_interface(node.bank.number)]
    args += ["--mac", str(node.mac), "--speed", str(speed), "--deadline", str(_DEADLINE_S)]
    args += ["--quiet", "--keep", str(folder), "--json", str(result)]
    # The command's status is 1 for a board that stopped: the result says why.
    words = ["env", f"--chdir={TREE}", "sh", "-c", '"$@" || test $? -eq 1', "rom", *args]
    command(rack.namespace.inside(words), timeout_s=_DEADLINE_S + 30)
    storm = json.loads(result.read_text())
    (rom,) = storm["roms"]
    if not rom["complete"]:
        raise refusal(f"{node.name} stopped at {rom['stage']}: {rom['reason'] or 'still loading'}")
    return _files(folder / str(node.mac).replace(":", ""), rom, node, storm["data_bytes"])


def _files(folder: Path, rom: dict[str, Any], node: Node, tftp_bytes: int) -> BootFiles:
    names = rom["files"]
    prefix = f"{rom['serial']}/" if f"{rom['serial']}/config.txt" in names else ""
    config = parse_config(_read(folder, prefix, "config.txt"), Board.PI3B_PLUS, rom["serial"])
    inside = folder / prefix
    kernel = config.values.get("kernel", "kernel8.img")
    initramfs = config.initramfs_of(kernel)
    if len(initramfs) > 1:
        raise refusal(f"{node.name} has {len(initramfs)} initramfs files", "name one")
    base = inside / config.os_prefix
    return BootFiles(
        folder=inside,
        kernel=base / kernel,
        initramfs=base / initramfs[0] if initramfs else None,
        device_tree=base / config.device_tree(Board.PI3B_PLUS),
        cmdline=_read(folder, prefix + config.os_prefix, config.cmdline).decode().strip(),
        tftp_bytes=tftp_bytes,
        address=rom["address"],
    )


def _read(folder: Path, prefix: str, name: str) -> bytes:
    return (folder / f"{prefix}{name}").read_bytes()

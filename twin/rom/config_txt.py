"""config.txt as the firmware reads it: which files a board asks for next.

Source: the Raspberry Pi documentation, "config.txt" (conditional filters, boot options).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

#: The firmware reads no further in a line.
LINE_MAX = 98
_SIZE_MAX = 64 * 1024
_SERIAL_FILTER = re.compile(r"0x([0-9a-f]{1,8})", re.ASCII)
_MODEL_FILTER = re.compile(r"pi[0-9]+\S*|cm[0-9]+\S*|none|board-type=.*", re.ASCII)
_SUFFIXES = {"4": "4", "x": "_x", "cd": "_cd", "db": "_db"}


class Board(StrEnum):
    """The models whose ROM this is, by the ending of their device tree's name."""

    PI3B = "rpi-3-b"
    PI3B_PLUS = "rpi-3-b-plus"


_MODELS = {Board.PI3B: frozenset({"pi3"}), Board.PI3B_PLUS: frozenset({"pi3", "pi3+"})}


@dataclass(slots=True)
class Config:
    """The settings that hold for one board.

    Attributes:
        values: last value of each key.
        overlays: names of ``dtoverlay=`` lines in order, without their parameters.
        initramfs: file names of the ``initramfs`` line.
        includes: names of ``include`` lines in order.
    """

    values: dict[str, str] = field(default_factory=dict)
    overlays: list[str] = field(default_factory=list)
    initramfs: list[str] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)

    def flag(self, key: str) -> bool:
        """Whether a number is given and not 0."""
        return self.values.get(key, "0").strip() not in {"", "0"}

    @property
    def start_files(self) -> tuple[str, str]:
        """The firmware image and its fix-up file."""
        if "start_file" in self.values:
            return self.values["start_file"], self.values.get("fixup_file", "fixup.dat")
        suffix = ""
        if self.values.get("gpu_mem", "").strip() == "16":
            suffix = _SUFFIXES["cd"]
        elif self.flag("start_x"):
            suffix = _SUFFIXES["x"]
        elif self.flag("start_debug"):
            suffix = _SUFFIXES["db"]
        return f"start{suffix}.elf", f"fixup{suffix}.dat"

    @property
    def os_prefix(self) -> str:
        """What comes before the names of kernel, initramfs, device tree and cmdline."""
        return self.values.get("os_prefix", "")

    @property
    def cmdline(self) -> str:
        """Name of the kernel's command line file."""
        return self.values.get("cmdline", "cmdline.txt")

    def device_tree(self, board: Board) -> str:
        """Name of the device tree; empty when ``device_tree=`` turns it off."""
        if "device_tree" in self.values:
            return self.values["device_tree"]
        chip = "bcm2837" if self.flag("upstream_kernel") else "bcm2710"
        return f"{chip}-{board}.dtb"

    def initramfs_of(self, kernel: str) -> list[str]:
        """Names of the initramfs files; with ``auto_initramfs`` the one that fits the kernel."""
        if self.initramfs:
            return self.initramfs
        if self.values.get("ramfsfile"):
            return self.values["ramfsfile"].split(",")
        if self.flag("auto_initramfs") and kernel.startswith("kernel"):
            return ["initramfs" + kernel.removeprefix("kernel").removesuffix(".img")]
        return []


def parse_config(data: bytes, board: Board, serial: str) -> Config:
    """Read a config.txt; lines that mean nothing here, or to other boards, are left out.

    Args:
        data: its bytes; what lies beyond 64 KiB is not looked at.
        board: the model, for ``[pi3]`` and ``[pi3+]``.
        serial: 8 hex digits, for ``[0x…]`` filters.
    """
    config = Config()
    model_fits = serial_fits = other_fits = True
    for raw in data[:_SIZE_MAX].decode("utf-8", "replace").splitlines():
        line = raw[:LINE_MAX].strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            name = line[1:].partition("]")[0].strip().lower()
            if name == "all":
                model_fits = serial_fits = other_fits = True
            elif match := _SERIAL_FILTER.fullmatch(name):
                serial_fits = int(match[1], 16) == int(serial, 16)
            elif _MODEL_FILTER.fullmatch(name):
                model_fits = name in _MODELS[board]
            else:  # [EDID=…], [gpio4=1], [tryboot] …: nothing of the kind holds for a bare board
                other_fits = False
        elif model_fits and serial_fits and other_fits:
            _take(config, line)
    return config


def _take(config: Config, line: str) -> None:
    word, _, rest = line.partition(" ")
    if word == "initramfs":
        config.initramfs = [name for name in (rest.split() or [""])[0].split(",") if name]
    elif word == "include":
        config.includes.append(rest.strip())
    else:
        key, equals, value = line.partition("=")
        if not equals:
            return
        if key == "dtoverlay":
            name = value.partition(",")[0].partition(":")[0].strip()
            if name:
                config.overlays.append(name)
        else:
            config.values[key.strip()] = value.strip()

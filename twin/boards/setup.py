"""What a bank's process is told when it begins: plain data, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Linux:
    """What a board does once its kernel runs.

    Attributes:
        kernel_s: seconds from the kernel's first instruction to its question for an address.
        read_bytes: read from the image over NFS before the board is ready.
        ssh: run a system with sshd; otherwise the board only says how it is.
        upper: size of what a board may write, as tmpfs takes it.
    """

    kernel_s: float = 4.0
    read_bytes: int = 27_000_000
    ssh: bool = True
    upper: str = "64m"


@dataclass(frozen=True, slots=True)
class BankBoard:
    """A board of a bank."""

    name: str
    mac: str
    serial: str
    slot: int


@dataclass(frozen=True, slots=True)
class BankSetup:
    """A bank.

    Attributes:
        bank: its number.
        rack: namespace of the racks' network, in which the bank's process runs.
        interface: where its boot ROMs are, in that namespace.
        bridge: its switch there.
        boards: its boards.
        tree: root file system of the boards.
        place: empty folder they mount on.
        start: program that makes a board.
        state: folder with one folder for each board.
        export: folder of this machine that the head exports.
        export_root: what boards call it.
        seed: of what a fault leaves open.
        off_plan: an address of the boot network that is nobody's.
        speed: how much faster the clocks of boot ROMs run.
        linux: see :class:`Linux`.
    """

    bank: int
    rack: str
    interface: str
    bridge: str
    boards: tuple[BankBoard, ...]
    tree: str
    place: str
    start: str
    state: str
    export: str
    export_root: str
    seed: int
    off_plan: str
    speed: float
    linux: Linux

    def plain(self) -> dict[str, Any]:
        """It as plain data."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """Made of plain data."""
        boards = tuple(BankBoard(**board) for board in plain["boards"])
        return cls(**{**plain, "boards": boards, "linux": Linux(**plain["linux"])})

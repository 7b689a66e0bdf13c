"""What the boards got, held against the plan and against what the head serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from picluster.plan.model import AddressPlan
from twin.demo.power import BankView
from twin.head import Head


@dataclass(frozen=True, slots=True)
class BankSummary:
    """How a bank fared.

    Attributes:
        bank: its number.
        boards: boards powered.
        complete: boards with their own address and every file sound and as the head has it.
        off_plan: boards that used an address that is not theirs.
        wrong_files: files whose content is not the head's.
        megabytes: read by TFTP.
        seconds: from power-on to the last board.
    """

    bank: int
    boards: int
    complete: int
    off_plan: int
    wrong_files: int
    megabytes: float
    seconds: float


def summarise(plan: AddressPlan, head: Head, views: list[BankView]) -> list[BankSummary]:
    """Check every board's result."""
    addresses = {str(node.mac): node.address for node in plan.nodes}
    digests = _digests(head, plan.cluster.tftp_root)
    return [_bank(view, addresses, digests) for view in views]


def _digests(head: Head, root: str) -> dict[str, str]:
    """SHA-256 of every file under the TFTP root, by its path there."""
    script = f"cd {root} && find -L . -type f -exec sha256sum {{}} +"
    lines = head.exec(["sh", "-c", script]).splitlines()
    return {
        name.removeprefix("./"): digest for digest, name in (line.split(None, 1) for line in lines)
    }


def _bank(view: BankView, addresses: dict[str, str], digests: dict[str, str]) -> BankSummary:
    result: dict[str, Any] = view.result or {"roms": [], "data_bytes": 0, "elapsed_s": 0.0}
    complete = off_plan = wrong = 0
    for rom in result["roms"]:
        strays = [address for address in rom["addresses"] if address != addresses[rom["mac"]]]
        bad = [n for n, got in rom["files"].items() if digests.get(n) != got["sha256"]]
        off_plan += bool(strays)
        wrong += len(bad)
        complete += rom["complete"] and not strays and not bad
    return BankSummary(
        bank=view.number,
        boards=len(view.stages),
        complete=complete,
        off_plan=off_plan,
        wrong_files=wrong,
        megabytes=result["data_bytes"] / 1e6,
        seconds=result["elapsed_s"],
    )


def print_summary(out: Console, banks: list[BankSummary]) -> None:
    """Print one row for each bank."""
    table = Table(box=None, pad_edge=False)
    for column in ("bank", "boards", "complete", "off plan", "wrong files", "MB", "seconds"):
        table.add_column(column, justify="right")
    for bank in banks:
        table.add_row(
            str(bank.bank),
            str(bank.boards),
            str(bank.complete),
            str(bank.off_plan),
            str(bank.wrong_files),
            f"{bank.megabytes:.0f}",
            f"{bank.seconds:.0f}",
        )
    out.print(table)
